"""The premium of a community in fractions, point by point and hour by hour, from the data file."""

import json
from fractions import Fraction
from pathlib import Path

import sesgame as sg

ITALY = Path(sg.__file__).parent / "energy" / "premiums" / "data" / "italy_2024.json"


def rate(data, plant, price):
    """Return the premium of a kWh at a zonal price, without the factor of a grant."""
    sizes = [each for each in data["power_classes"] if plant.power_kw <= each["up_to_kw"]]
    base, cap = (Fraction(sizes[0][name]) for name in ("base_per_mwh", "cap_per_mwh"))
    cheap = max(Fraction(0), Fraction(data["reference_price_per_mwh"]) - 1000 * price)
    correction = Fraction(data["corrections_per_mwh"][plant.technology][plant.zone])
    return (min(cap, base + cheap) + correction) / 1000


def premiums(world, plants, price, exempt=(), members=None, n_parts=1):
    """Return what each plant of some members earns in all, by name.

    Parameters
    ----------
    price : list of Fraction
        Of each hour.
    n_parts : int
        Steps of an hour.
    """
    data = json.loads(ITALY.read_text(encoding="utf-8"))
    grants = {
        name: Fraction(str(data["grants"][name])) for name in data["grants"] if name != "exempt"
    }
    points = [p for p in world.points if members is None or p.member in members]
    earned = dict.fromkeys((p.name for p in points if p.name in plants), Fraction(0))
    for hour, zonal in enumerate(price):

        def energy(readings, hour=hour):
            return sum(
                Fraction(x) for x in readings[hour * n_parts : (hour + 1) * n_parts].tolist()
            )

        for zone in world.zones:
            here = [p for p in points if p.zone == zone]
            fed_in = sum(energy(p.export_kwh) for p in here)
            drawn = sum(energy(p.import_kwh) for p in here)
            free = sum(energy(p.import_kwh) for p in here if p.name in exempt)
            if not fed_in or not drawn:
                continue
            for point in here:
                if point.name in plants:
                    plant = plants[point.name]
                    shared = min(fed_in, drawn) * energy(point.export_kwh) / fed_in
                    factor = (
                        grants["reduction_at_largest"]
                        * Fraction(str(plant.grant))
                        / grants["largest"]
                        * (1 - free / drawn)
                    )
                    earned[point.name] += rate(data, plant, zonal) * (1 - factor) * shared
    return earned
