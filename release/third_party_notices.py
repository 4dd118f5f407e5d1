"""Write, or check, the notices of everything that is compiled into the extension.

    python release/third_party_notices.py          # writes THIRD-PARTY-NOTICES.md
    python release/third_party_notices.py --check  # says whether it is current

The crates are those that Cargo resolves for the platforms of the wheels, without what only builds
or tests (build and development dependencies, procedural macros). A crate that may be used under one
of several licences is used under the first of `PREFERRED` that it offers. Texts come from the
sources that Cargo has downloaded.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
NOTICES = ROOT / "THIRD-PARTY-NOTICES.md"
PLATFORMS = (
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
)
PREFERRED = ("MIT", "BSD-2-Clause", "Apache-2.0")
TEXT_NAMES = {"MIT": ("LICENSE-MIT", "LICENSE"), "BSD-2-Clause": ("LICENSE", "LICENSE-BSD")}
HIGHS_PARTS = (
    # What is compiled of HiGHS with the options of highs-sys; see its THIRD_PARTY_NOTICES.md.
    ("HiGHS", "MIT", "LICENSE.txt"),
    ("filereaderlp, in HiGHS", "MIT", "highs/io/filereaderlp/LICENSE"),
    ("pdqsort, in HiGHS", "Zlib", "extern/pdqsort/license.txt"),
)
MIT = """Copyright (c) {holder}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and \
associated documentation files (the "Software"), to deal in the Software without restriction, \
including without limitation the rights to use, copy, modify, merge, publish, distribute, \
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is \
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or \
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT \
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND \
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, \
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT \
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."""
HEAD = """# Third-party notices

The extension module of sesgame contains code of others, compiled from the versions below. sesgame
itself is under the Apache License 2.0, see LICENSE; the example data has a licence of its own,
named in its folder. Written by `make notices`.
"""


class Notice(NamedTuple):
    """A component, the licence under which it is used, and the text of that."""

    name: str
    version: str
    licence: str
    text: str


def compiled_packages(platform: str) -> list[dict[str, Any]]:
    """Return the packages that become part of the extension on a platform."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    output = subprocess.run(
        [*command, "--filter-platform", platform],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    metadata = json.loads(output)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    pending = [key for key, package in packages.items() if package["name"] == "sesgame-python"]
    compiled: dict[str, dict[str, Any]] = {}
    while pending:
        key = pending.pop()
        package = packages[key]
        if key in compiled or any("proc-macro" in target["kind"] for target in package["targets"]):
            continue
        compiled[key] = package
        pending += [
            dependency["pkg"]
            for dependency in nodes[key]["deps"]
            if any(kind["kind"] is None for kind in dependency["dep_kinds"])
        ]
    return [package for package in compiled.values() if package["source"] is not None]


def chosen_licence(package: dict[str, Any]) -> str:
    """Return the licence under which a package is used.

    Raises
    ------
    SystemExit
        None of those that it offers is known here.
    """
    offered = re.split(r"\s+OR\s+|/", package["license"] or "")
    for licence in PREFERRED:
        if licence in offered:
            return licence
    sys.exit(
        f"{package['name']} is under {package['license']!r}: see to it in {Path(__file__).name}"
    )


def notice_of(package: dict[str, Any]) -> Notice:
    """Return the notice of one package.

    Raises
    ------
    SystemExit
        The package has no text of its licence, and that is not MIT.
    """
    folder, licence = Path(package["manifest_path"]).parent, chosen_licence(package)
    paths = [folder / name for name in TEXT_NAMES.get(licence, ()) if (folder / name).exists()]
    if paths:
        text = paths[0].read_text(encoding="utf-8")
    elif licence == "MIT":
        text = MIT.format(holder=", ".join(package["authors"]) or f"the {package['name']} authors")
    else:
        sys.exit(f"{package['name']} {package['version']} has no text of its licence {licence}")
    return Notice(package["name"], package["version"], licence, text)


def notices() -> list[Notice]:
    """Return all notices, by name."""
    packages = {
        (package["name"], package["version"]): package
        for platform in PLATFORMS
        for package in compiled_packages(platform)
    }
    found = [notice_of(package) for package in packages.values()]
    (solver,) = (package for (name, _), package in packages.items() if name == "highs-sys")
    source = Path(solver["manifest_path"]).parent / "HiGHS"
    version = dict(re.findall(r"HIGHS_(\w+)=(\d+)", (source / "Version.txt").read_text()))
    number = ".".join(version[part] for part in ("MAJOR", "MINOR", "PATCH"))
    for name, licence, path in HIGHS_PARTS:
        text = (source / path).read_text(encoding="utf-8")
        found.append(Notice(name, number if name == "HiGHS" else "", licence, text))
    holder = "The Rust Project Contributors"
    found.append(Notice("Rust standard library", "", "MIT", MIT.format(holder=holder)))
    return sorted(found, key=lambda notice: (notice.name.lower(), notice.version))


def licence_expression(found: list[Notice]) -> str:
    """Return all licences of the extension as one expression of SPDX."""
    return " AND ".join(sorted({"Apache-2.0", *(notice.licence for notice in found)}))


def page() -> str:
    """Return the text of the notices."""
    found = notices()
    lines = [HEAD, f"Licences in the extension: {licence_expression(found)}", ""]
    lines += ["| component | version | used under |", "| --- | --- | --- |"]
    lines += [f"| {notice.name} | {notice.version} | {notice.licence} |" for notice in found]
    by_text: dict[str, list[str]] = defaultdict(list)
    for notice in found:
        text = "\n".join(line.rstrip() for line in notice.text.strip().splitlines())
        by_text[text].append(f"{notice.name} {notice.version}".strip())
    for text, names in by_text.items():
        lines += ["", f"## {', '.join(names)}", "", "```text", text, "```"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the notices, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        NOTICES.write_text(page(), encoding="utf-8")
    elif not NOTICES.exists() or NOTICES.read_text(encoding="utf-8") != page():
        sys.exit("THIRD-PARTY-NOTICES.md is not current: make notices")


if __name__ == "__main__":
    main()
