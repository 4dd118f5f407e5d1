"""``sesgame check``: faults, sums and questions of a folder, before anything is solved."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sesgame._engine import __version__
from sesgame.cli.console import say
from sesgame.cli.options import add_clock, add_dates, clock_of, period_of
from sesgame.energy.plausibility.folder_check import FolderCheck, MemberSums, check_folder
from sesgame.files.json_text import json_text, plain
from sesgame.files.output_files import OutputFiles
from sesgame.formatting import FIRST, count, left_out, shown, text_table

__all__ = ["add_check", "check"]

QUESTIONED, FAULTY = 1, 2
"""Exit codes where there are questions, and where there are faults."""

MOST_OF_A_TOPIC = 20
"""Questions on one topic that are printed; the file of ``--json`` has all."""


def add_check(commands: Any) -> None:
    """Add ``sesgame check`` to the command line."""
    command = commands.add_parser(
        "check", help="say what is wrong with the files of a community, and what looks odd"
    )
    command.add_argument("input", type=Path, metavar="COMMUNITY", help="folder of CSV files")
    add_dates(command)
    add_clock(command)
    command.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write all faults, sums and questions to this file; - is standard output, which "
        "then has nothing else",
    )
    command.set_defaults(command=check)


def check(options: argparse.Namespace) -> int:
    """Say what is wrong with a folder, what its members have, and what looks like a mistake."""
    outputs = OutputFiles([options.json] if options.json else [])
    if options.json and options.input.is_dir():
        outputs.spare(path for path in options.input.iterdir() if path.is_file())
    found = check_folder(options.input, clock_of(options), *period_of(options))
    if options.json:
        outputs.write({options.json: json_text(_content(found))})
    say(options, "\n\n".join("\n".join(_lines(part)) for part in found))
    if any(part.faults for part in found):
        return FAULTY
    return QUESTIONED if any(part.questions for part in found) else 0


def _content(found: Sequence[FolderCheck]) -> dict[str, Any]:
    """Return what is found as ``docs/file-formats.md`` describes it."""
    return {"format": 1, "sesgame": __version__, "folders": [_folder(part) for part in found]}


def _folder(part: FolderCheck) -> dict[str, Any]:
    steps = part.steps
    start, end = (None, None) if steps is None else steps.ends_in_iso
    return {
        "folder": part.folder,
        "verdict": "faults" if part.faults else "questions" if part.questions else "fine",
        "faults": [plain(fault) for fault in part.faults],
        "assumed": list(part.assumed),
        "start": start,
        "end": end,
        "clock": None if steps is None else steps.calendar.zone,
        "n_steps": None if steps is None else steps.n_steps,
        "step_hours": None if steps is None else steps.step_hours,
        "n_readings": part.n_readings,
        "n_missing": part.n_missing,
        "currency": part.currency or None,
        "members": [plain(sums) for sums in part.members],
        "together": plain(part.together),
        "questions": [plain(question) for question in part.questions],
    }


def _lines(part: FolderCheck) -> Iterator[str]:
    """Yield what is said of a folder."""
    for assumed in part.assumed:
        yield f"assumed: {shown(assumed)}"
    if part.faults:
        yield f"{shown(part.folder)}: {count(len(part.faults), 'fault')}"
        yield from _numbered(map(str, part.faults))
        return
    if part.steps is not None and part.together is not None:
        steps = part.steps
        clock = steps.calendar.zone or "the clock of the meters"
        yield (
            f"{shown(part.folder)}: {steps.in_calendar}, {clock}; {steps.in_words}, "
            f"{part.n_readings:,} readings, none missing"
        )
        yield ""
        yield from _table(part.members, part.together)
        yield ""
    if not part.questions:
        yield f"{shown(part.folder)}: no faults, no questions"
        return
    yield f"no faults, {count(len(part.questions), 'question')}"
    topics: Counter[str] = Counter()
    asked = []
    for question in part.questions:
        topics[question.topic] += 1
        if topics[question.topic] <= MOST_OF_A_TOPIC:
            asked.append(f"{question.topic}: {question}")
    yield from _numbered(asked)
    for topic, number in topics.items():
        if number > MOST_OF_A_TOPIC:
            yield f"{topic}: {number - MOST_OF_A_TOPIC:,} more; --json names all"


def _numbered(texts: Iterable[str]) -> Iterator[str]:
    for number, text in enumerate(texts, start=1):
        yield f"{number}. {shown(text)}"


def _table(members: Sequence[MemberSums], together: MemberSums) -> list[str]:
    """Return the sums of members, and of all together; nothing of what nobody has."""
    titles = {
        "load_kwh": "used kWh",
        "pv_kwh": "generated kWh",
        "import_kwh": "drawn kWh",
        "export_kwh": "fed in kWh",
        "charged_kwh": "charged kWh",
        "discharged_kwh": "discharged kWh",
        "storage_kwh": "battery kWh",
        "peak_kw": "peak kW",
    }
    everybody = [*members, together]
    columns = [name for name in titles if any(getattr(sums, name) for sums in everybody)]
    n_left = left_out(len(members))
    listed = [*members[: FIRST if n_left else None], together]
    rows = [
        [shown(sums.member), *(f"{getattr(sums, name):,.1f}" for name in columns), sums.peak_at]
        for sums in listed
    ]
    if n_left:
        rows.insert(-1, [f"{n_left:,} more", *("" for _ in columns), ""])
    head = ["member", *(titles[name] for name in columns), "peak at"]
    return text_table([head, *rows], left=(0, len(head) - 1))
