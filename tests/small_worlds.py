"""Scenarios, and storage under a tariff of two periods, as the files of a folder."""

from pathlib import Path

from small_community import edited, write_community

TWO_PERIOD = {
    "two_period.csv": "off_peak_eur_per_kwh,peak_eur_per_kwh,storage_eur_per_kwh\n0.1,0.3,0.08\n",
    "energy.csv": (
        "scenario,member,off_peak_kwh,peak_kwh\n"
        "cold,ann,2,4\n"
        "cold,bob,1,2\n"
        "mild,bob,1,1\n"
        "mild,ann,2,2\n"
        "cold,operator,0,0\n"
        "mild,operator,0,0\n"
    ),
    "storage.csv": "owner,energy_kwh\noperator,1.5\n",
    "weights.csv": "scenario,weight\nmild,0.75\ncold,0.25\n",
}


def write_two_period(folder: Path, **changes: str | None) -> Path:
    """Write the storage; `changes`, by name without ending, replace, add or leave out files."""
    folder.mkdir(exist_ok=True)
    for name, text in (TWO_PERIOD | {f"{key}.csv": text for key, text in changes.items()}).items():
        if text is not None:
            (folder / name).write_text(text)
    return folder


def write_scenarios(folder: Path, text: str = "folder,weight\nsunny,0.6\ndull,0.4\n") -> Path:
    """Write two days of one community; `text` is scenarios.csv."""
    folder.mkdir(exist_ok=True)
    write_community(folder / "sunny")
    write_community(folder / "dull", **edited("meters", "1.00", "0.10"))
    (folder / "scenarios.csv").write_text(text)
    return folder
