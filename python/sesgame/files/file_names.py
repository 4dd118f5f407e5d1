"""Names of files for labels of any kind, as every system takes them."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable

from sesgame.files.output_files import folded

__all__ = ["file_names"]

LONGEST_STEM = 60
"""Letters of a label that are in a name: enough to tell, and short enough to read."""

MOST_BYTES = 200
"""Of these letters in UTF-8. Systems take 255, and a number, an ending and more come behind."""

_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "clock"]
    + [f"{port}{number}" for port in ("com", "lpt") for number in range(10)]
)
"""What some systems take for devices, whatever the ending."""


def file_names(labels: Iterable[Hashable], ending: str, nameless: str) -> list[str]:
    """Return a file name for each label, with a hyphen for what is no letter or digit in it.

    Where two would be the same, on a system that ignores capitals or how accents are written, the
    later gets a number; and so does what some systems take for a device.

    Parameters
    ----------
    labels : iterable of hashable
        Whose files they are.
    ending : str
        Of each file, such as ``".html"``.
    nameless : str
        What stands for a label without letters and digits.

    Examples
    --------
    >>> file_names(["m001", "Ann & Bob", "ann/bob", "../x", "", "com1"], ".html", "member")
    ['m001.html', 'Ann-Bob.html', 'ann-bob-2.html', 'x.html', 'member.html', 'com1-2.html']
    """
    used = set(_DEVICES)
    numbers: dict[str, int] = {}
    names = []
    for label in labels:
        stem = re.sub(r"[\W_]+", "-", str(label))[:LONGEST_STEM].strip("-") or nameless
        stem = stem.encode()[:MOST_BYTES].decode(errors="ignore").rstrip("-")
        name, key = stem, folded(stem)
        while folded(name) in used:
            numbers[key] = numbers.get(key, 1) + 1
            name = f"{stem}-{numbers[key]}"
        used.add(folded(name))
        names.append(f"{name}{ending}")
    return names
