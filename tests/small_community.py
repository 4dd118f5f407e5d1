"""A community of three in four hours, small enough to check by hand, as the files of a folder."""

from pathlib import Path

FILES = {
    "members.csv": (
        "member,kind,meter,unit,scale\n"
        "ann,load,ann_load,kWh,1\n"
        "ann,pv,roof,kW,4\n"
        "bob,load,bob_load,kWh,1\n"
        "operator,,,,\n"
    ),
    "meters.csv": (
        "time,ann_load,bob_load,roof\n"
        "2016-06-01T10:00,1.0,2.0,0.50\n"
        "2016-06-01T11:00,1.0,2.0,1.00\n"
        "2016-06-01T12:00,1.5,2.5,0.75\n"
        "2016-06-01T13:00,2.0,1.0,0.00\n"
    ),
    "tariff.csv": "buy_eur_per_kwh,sell_eur_per_kwh\n0.30,0.10\n",
    "batteries.csv": (
        "owner,energy_kwh,power_kw,charge_efficiency,discharge_efficiency\noperator,2,1,1,1\n"
    ),
}


def write_community(folder: Path, **changes: str | None) -> Path:
    """Write the community; `changes`, by name without ending, replace, add or leave out files."""
    folder.mkdir(exist_ok=True)
    files = FILES | {f"{name}.csv": text for name, text in changes.items()}
    for name, text in files.items():
        if text is not None:
            (folder / name).write_text(text)
    return folder


def edited(name: str, old: str, new: str) -> dict[str, str]:
    """Return the change of one file in which `old`, which must be there, has become `new`."""
    text = FILES[f"{name}.csv"]
    assert old in text
    return {name: text.replace(old, new, 1)}
