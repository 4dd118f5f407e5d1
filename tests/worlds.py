"""Communities of four with batteries of all kinds, a grid, and storage to buy."""

import numpy as np
import sesgame as sg
from sesgame.energy import Battery, Grid, Line, StorageOffer

MEMBERS = ("ann", "bob", "cid", "dan")


def battery(owner, energy=3.0, power=2.0, efficiency=0.9, initial=0.0, wear=0.0):
    return Battery(
        owner=owner,
        energy_kwh=energy,
        power_kw=power,
        charge_efficiency=efficiency,
        discharge_efficiency=efficiency,
        initial_charge_kwh=initial,
        degradation_cost_per_kwh=wear,
    )


UNLIKE = (battery("ann"), battery("bob", 2.0, 3.0, 0.95, 1.0, 0.01), battery("dan", 1.0, 1.0, 1.0))
OFFER = StorageOffer(
    name="lithium",
    price_per_kwh_year=300.0,
    price_per_kw_year=50.0,
    charge_efficiency=0.95,
    discharge_efficiency=0.95,
    degradation_cost_per_kwh=0.002,
)
WORLDS = {
    "unlike batteries": {"batteries": UNLIKE},
    "a demand charge": {"batteries": UNLIKE, "grid": Grid(demand_charge_per_kw=0.4)},
    "wear of equal batteries": {
        "batteries": [battery("ann", wear=0.05), battery("cid", wear=0.05)]
    },
    "connection limits": {
        "batteries": UNLIKE,
        "grid": Grid(connection_limits_kw={"ann": 7.0, "cid": 7.5}),
    },
    "a feeder": {
        "batteries": UNLIKE,
        "grid": Grid(
            lines=[
                Line(name="trunk", members=MEMBERS, limit_kw=16.0),
                Line(name="branch", members=["bob", "cid"], limit_kw=9.0),
            ]
        ),
    },
    "limits of the community": {
        "batteries": UNLIKE,
        "grid": Grid(import_limit_kw=14.0, export_limit_kw=3.0),
    },
    "storage to buy": {"storage_offers": [OFFER], "batteries": UNLIKE[:1]},
    "everything": {
        "batteries": UNLIKE,
        "storage_offers": [OFFER],
        "grid": Grid(
            demand_charge_per_kw=0.4,
            export_limit_kw=4.0,
            connection_limits_kw={"bob": 8.0},
            lines=[Line(name="branch", members=["bob", "cid"], limit_kw=9.0)],
        ),
    },
}


def community(seed=0, *, steps=6, **world):
    random = np.random.default_rng(seed)
    load = random.uniform(0, 3, (4, steps)).round(2)
    pv = (random.uniform(-2, 3, (4, steps)).clip(0) * [[1], [0], [1], [0]]).round(2)
    times = sg.energy.TimeSteps.from_times(
        np.datetime64("2016-06-01T00:00") + np.arange(steps) * np.timedelta64(30, "m")
    )
    sell = random.uniform(-0.02, 0.1, steps).round(3)
    prices = sg.energy.PriceSeries(times, sell + random.uniform(0.1, 0.3, steps).round(3), sell)
    return sg.energy.Community(
        members=MEMBERS, steps=times, load_kwh=load, pv_kwh=pv, tariff=prices, **world
    )
