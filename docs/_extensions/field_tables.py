"""The tables of what models of other packages can hold; run as a program, it writes them.

They stand in the page, between two comments, so that it can be read as it is; a test compares them.
"""

from __future__ import annotations

import re
from pathlib import Path

from sesgame.adapters import highspy_fields, linopy_fields, lp_file, mps_file, pyomo_fields
from sesgame.adapters.foreign_fields import Fields, Treatment

PAGE = Path(__file__).parents[1] / "how-to" / "models-of-other-packages.md"
BLOCK = re.compile(r"(<!-- fields: ([\w ]+) -->\n).*?(<!-- end of fields -->)", re.DOTALL)

TABLES: dict[str, Fields] = {
    "linopy model": linopy_fields.MODEL,
    "linopy variable": linopy_fields.VARIABLE,
    "linopy constraint": linopy_fields.CONSTRAINT | linopy_fields.CONSTRAINT_ROWS,
    "linopy objective": linopy_fields.OBJECTIVE,
    "pyomo components": pyomo_fields.COMPONENTS,
    "pyomo suffixes": pyomo_fields.SUFFIXES,
    "highs object": highspy_fields.HIGHS | highspy_fields.MODEL,
    "highs linear part": highspy_fields.LP,
    "highs matrix": highspy_fields.MATRIX | highspy_fields.MATRIX_FORMATS,
    "highs hessian": highspy_fields.HESSIAN | highspy_fields.HESSIAN_FORMATS,
    "highs kinds": highspy_fields.KINDS | highspy_fields.SENSES,
    "highs callbacks": highspy_fields.CALLBACKS,
    "highs options": highspy_fields.OPTIONS,
    "mps sections": mps_file.SECTIONS,
    "mps bounds": mps_file.BOUNDS,
    "lp sections": lp_file.SECTIONS,
}


def table(fields: Fields) -> str:
    """Return a table as Markdown: what is used first, fields of one meaning in one row."""
    lines = ["| field | | meaning, or what to do |", "| --- | --- | --- |"]
    for treatment in Treatment:
        names: dict[str, list[str]] = {}
        for name, field in fields.items():
            if field.treatment is treatment:
                names.setdefault(field.meaning, []).append(f"`{name}`")
        lines += [
            f"| {', '.join(same)} | {treatment.value} | {meaning.replace('|', chr(92) + '|')} |"
            for meaning, same in names.items()
        ]
    return "\n".join(lines) + "\n"


def with_tables(text: str) -> str:
    """Return a page with the tables as they have to be."""
    return BLOCK.sub(lambda found: f"{found[1]}{table(TABLES[found[2]])}{found[3]}", text)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
