"""Make an example community from an extract of the SimBench database.

    python examples/simbench_community.py SOURCE COMMUNITY [--out FOLDER]

SOURCE is a folder with ``profiles_2016.csv.gz`` (a ``time`` column and one column for each
profile, as a share of the rated power) and one ``COMMUNITY.csv`` for each community (one row for
each device). The result is a community folder in the format of ``docs/file-formats.md``; the same
source always gives the same bytes. What was decided on the way stands in the README that is
written beside it.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

BUY_EUR_PER_KWH = "0.30"
SELL_EUR_PER_KWH = "0.08"

README = """\
# {community}: a low-voltage grid as an energy community

{n_members} connection points of SimBench's low-voltage grid {community}, future scenario 1, with
their loads, {n_pv} PV units and {n_batteries} batteries, in quarter-hours of 2016. The files are
described in `docs/file-formats.md`; they were made by `examples/simbench_community.py`.

## Source and licence

The data are an extract of the SimBench database: Meinecke et al., "SimBench: A Benchmark Dataset
of Electric Power Systems", Energies 13 (2020) 3290. They are made available under the Open Database
License 1.0 (ODbL, <https://opendatacommons.org/licenses/odbl/1-0/>): attribute the source, and
share alike whatever database you derive from it. Keep this notice with any copy or extract. The
licence of sesgame's code does not cover this folder.

## What was decided

- **Members** are the connection points of the grid. Their load and PV are a profile, a share of the
  rated power, times the rating (`scale` in `members.csv`).
- **Time** is Central European standard time (UTC+1) all year. The source gives German local time:
  an hour is left out on 27 March and another is there twice on 30 October. Its rows follow each
  other every 15 minutes without a gap, so they are labelled anew and nothing is lost; 2016 is a
  leap year of 35,136 quarter-hours.
- **Tiny negative loads**, where a profile has some, are noise of the source's meters. They are kept
  as they are: cutting them off would shift the sums.
- **Batteries** belong to the member at whose connection they stand, and start empty. SimBench gives
  one efficiency for each battery (`etaStore`, {efficiencies}) and does not say of what. It is taken
  for each direction: charging, and discharging, which is {round_trips} for the way there and back.
- **Tariff** (an assumption, not from SimBench): {buy} EUR/kWh for what is bought from outside and
  {sell} EUR/kWh for what is fed in, flat, round figures of a German household tariff and of the
  feed-in remuneration of small PV units. What members exchange among themselves costs nothing.
"""


def main() -> None:
    """Read the source and write the community folder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("source", type=Path, help="folder with the extract of SimBench")
    parser.add_argument("community", help="rural13, semiurban39 or semiurban104")
    parser.add_argument("--out", type=Path, help="folder to write (examples/COMMUNITY)")
    arguments = parser.parse_args()
    out = arguments.out or Path(__file__).parent / arguments.community
    with open(arguments.source / f"{arguments.community}.csv", newline="") as file:
        devices = list(csv.DictReader(file))
    out.mkdir(parents=True, exist_ok=True)
    write_meters(out, arguments.source / "profiles_2016.csv.gz", devices)
    write_members(out, devices)
    batteries = write_batteries(out, devices)
    write_csv(
        out / "tariff.csv",
        [["buy_eur_per_kwh", "sell_eur_per_kwh"], [BUY_EUR_PER_KWH, SELL_EUR_PER_KWH]],
    )
    efficiencies = sorted({float(battery["efficiency"]) for battery in batteries})
    (out / "README.md").write_text(
        README.format(
            community=arguments.community,
            n_members=len({device["member"] for device in devices}),
            n_pv=sum(device["kind"] == "pv" for device in devices),
            n_batteries=len(batteries),
            efficiencies=" and ".join(f"{value:g}" for value in efficiencies),
            round_trips=" and ".join(f"{value**2:.4g}" for value in efficiencies),
            buy=BUY_EUR_PER_KWH,
            sell=SELL_EUR_PER_KWH,
        )
    )


def write_meters(out: Path, profiles: Path, devices: list[dict[str, str]]) -> None:
    """Write the profiles that the community's devices use, compressed."""
    with gzip.open(profiles, "rt", newline="") as file:
        header, *rows = csv.reader(file)
    used = sorted({device["profile"] for device in devices} - {""})
    columns = [header.index(name) for name in used]
    lines = [",".join(["time", *used])]
    for time, row in zip(standard_times([row[0] for row in rows]), rows, strict=True):
        lines.append(",".join([time, *(row[column] for column in columns)]))
    # No name and no time in the header of the compressed file: the same bytes every time.
    with (
        open(out / "meters.csv.gz", "wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as file,
    ):
        file.write(("\n".join(lines) + "\n").encode())


def standard_times(local: list[str]) -> list[str]:
    """Return the times of quarter-hours, given in German local time, in standard time."""
    start = datetime.fromisoformat(local[0]).replace(tzinfo=timezone(timedelta(hours=1)))
    times = [start + index * timedelta(minutes=15) for index in range(len(local))]
    for time, given in zip(times, local, strict=True):
        expected = time.astimezone(ZoneInfo("Europe/Berlin")).strftime("%Y-%m-%dT%H:%M")
        if given != expected:
            raise SystemExit(f"the source has {given} where quarter-hours would have {expected}")
    return [time.strftime("%Y-%m-%dT%H:%M") for time in times]


def write_members(out: Path, devices: list[dict[str, str]]) -> None:
    """Write which profile, times which rating, is whose load or PV."""
    meters = [device for device in devices if device["kind"] != "battery"]
    write_csv(
        out / "members.csv",
        [
            ["member", "kind", "meter", "unit", "scale"],
            *([d["member"], d["kind"], d["profile"], "kW", d["rating_kw"]] for d in meters),
        ],
    )


def write_batteries(out: Path, devices: list[dict[str, str]]) -> list[dict[str, str]]:
    """Write the batteries, each owned by the member at whose connection it stands."""
    batteries = [device for device in devices if device["kind"] == "battery"]
    columns = ["owner", "energy_kwh", "power_kw", "charge_efficiency", "discharge_efficiency"]
    write_csv(
        out / "batteries.csv",
        [
            columns,
            *(
                [b["member"], b["energy_kwh"], b["rating_kw"], b["efficiency"], b["efficiency"]]
                for b in batteries
            ),
        ],
    )
    return batteries


def write_csv(path: Path, rows: list[list[str]]) -> None:
    """Write rows of text, separated by commas."""
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
