"""Names in CSV: a spreadsheet sees text, and our reader sees the name."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sesgame.files.csv_table import CsvTable
from sesgame.files.csv_text import csv_text, marked, unmarked

HOSTILE = [
    "=cmd|'/c calc'!A1",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "\u00a0=1",
    "\uff1d1",
    "'=1",
    "''+1",
    "'",
    "'t Hof",
    "'t Hof ",
    " ann ",
    'say "hi", now',
    "a\nTOTAL,0",
    "a\rb",
    "\x1b[2J",
    ",",
    '"',
    "",
    ";",
]

# Python 3.10 cannot read NUL in CSV at all.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
FORMULAS = st.text("='+-@ \t\r\n,\"\uff1da", max_size=6)


def is_formula(cell):
    """Return whether a spreadsheet may run a cell: what it begins with, behind any blanks."""
    return cell.lstrip()[:1] in {"=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"}


@given(st.lists(TEXTS | FORMULAS | st.sampled_from(HOSTILE), min_size=1, max_size=4))
@example(HOSTILE)
def test_a_name_is_no_formula_and_comes_back(tmp_path_factory, names):
    text = csv_text([["member", "eur"], *([name, -1.5] for name in names)])
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert not any(is_formula(row[0]) for row in rows)
    assert all(row[1] in ("eur", "-1.5") for row in rows)
    path = tmp_path_factory.getbasetemp() / "names.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert CsvTable.read(path).texts("member") == tuple(names)
    assert CsvTable.read(path).floats("eur").tolist() == [-1.5] * len(names)


@given(FORMULAS | TEXTS)
def test_a_mark_is_taken_away_once(text):
    assert unmarked(marked(text)) == text
    assert unmarked(marked(marked(text))) == marked(text)


def test_rules_with_hostile_names_are_columns(tmp_path):
    path = tmp_path / "rules.csv"
    header = ["member", *(name for name in HOSTILE if name)]
    path.write_text(csv_text([header, ["ann", *range(len(header) - 1)]]), newline="")
    assert list(CsvTable.read(path).columns) == header


@pytest.mark.parametrize("name", ["'t Hof", "O'Neill", "'", "''", "ann"])
def test_what_is_no_formula_is_written_as_it_is(name):
    assert csv_text([[name, 1]]) == f"{name},1\n"


def test_numbers_keep_every_digit_and_nothing_is_empty(tmp_path):
    values = [0.1 + 0.2, -1e-300, 5e-324, 1e22, 3, True]
    text = csv_text([["x"] * 6, values, [None] * 6])
    assert text.splitlines()[1] == "0.30000000000000004,-1e-300,5e-324,1e+22,3,True"
    assert text.splitlines()[2] == ",,,,,"
    assert csv_text([["only"], [""]]) == 'only\n""\n'
