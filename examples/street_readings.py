"""Write the readings of ``examples/street``: made up, of one week of June, in quarter-hours.

Days of homes, a bakery and a workshop, and of roofs under passing clouds; nobody was metered.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

START, STEP, STEPS = np.datetime64("2024-06-03T00:00"), np.timedelta64(15, "m"), 7 * 96
USES = {
    # Base in kW, and peaks: kW, hour, breadth in hours, and whether it is there at weekends.
    "anna": (0.2, [(0.9, 7.5, 1.0, True), (1.6, 19.5, 1.5, True)]),
    "bruno": (0.15, [(0.6, 8.0, 1.0, True), (1.2, 13.0, 2.0, True), (1.0, 20.5, 1.5, True)]),
    "carla": (0.3, [(7.0, 1.0, 1.5, True), (1.1, 19.0, 1.5, True)]),
    "bakery": (1.2, [(9.0, 4.0, 1.8, True), (3.0, 11.0, 3.0, True)]),
    "workshop": (0.4, [(8.0, 10.0, 2.0, False), (6.5, 14.5, 1.8, False)]),
}
ROOFS = {"anna": 6.0, "workshop": 14.0, "school": 20.0}
CLOUDS = (0.9, 0.4, 0.95, 0.7, 0.25, 1.0, 0.85)


def main() -> None:
    """Write meters.csv: what each meter drew and fed in, in kWh."""
    random = np.random.default_rng(2024)
    hours = np.arange(STEPS) / 4
    clock, day = hours % 24, (hours // 24).astype(int)
    load = {"school": np.zeros(STEPS)}
    for name, (base, peaks) in USES.items():
        power = np.full(STEPS, base)
        for height, at, breadth, weekends in peaks:
            away = (clock - at + 12) % 24 - 12
            power += height * np.exp(-((away / breadth) ** 2)) * (weekends | (day < 5))
        load[name] = power * random.lognormal(0, 0.25, STEPS)
    sun = np.clip(np.sin(np.pi * (clock - 5) / 16), 0, None) ** 1.3
    sky = np.array(CLOUDS)[day] * random.uniform(0.8, 1.0, STEPS)
    roof = {name: peak * 0.8 * sun * sky for name, peak in ROOFS.items()}
    registers = {}
    for name in USES:
        # Behind a meter a roof serves its own house first; the school's has a meter of its own.
        net = (load[name] - roof.get(name, 0.0)) / 4
        registers[f"{name}_in"] = net.clip(min=0)
        if name in roof:
            registers[f"{name}_out"] = (-net).clip(min=0)
    registers["school_out"] = roof["school"] / 4
    with Path(__file__).with_name("street").joinpath("meters.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["time", *registers])
        for step in range(STEPS):
            readings = (f"{values[step]:.3f}" for values in registers.values())
            table.writerow([str(START + step * STEP), *readings])


if __name__ == "__main__":
    main()
