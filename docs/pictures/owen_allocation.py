"""A day of three members: their net loads, and the community's own price of energy."""

import matplotlib.pyplot as plt
import numpy as np
import sesgame as sg

hours = sg.energy.TimeSteps.from_times([f"2016-06-01T{hour:02}:00" for hour in range(24)])
sun = [max(0.0, 4 - abs(hour - 13)) for hour in range(24)]
evening = [0.5 if hour < 17 else 2.0 for hour in range(24)]
court = sg.energy.Community(
    members=["ann", "bob", "eve"],
    steps=hours,
    load_kwh=[[0.5] * 24, evening, [0.3] * 24],
    pv_kwh=[sun, [0.0] * 24, [0.0] * 24],
    tariff=sg.energy.Tariff.flat(0.30, 0.08),
    batteries=[
        sg.energy.Battery(
            owner="eve", energy_kwh=8, power_kw=3, charge_efficiency=0.95, discharge_efficiency=0.95
        )
    ],
)
prices = sg.owen_allocation(court).evidence
_, (above, below) = plt.subplots(2, 1, figsize=(6.4, 4.4), sharex=True)
edges = np.arange(25)
for number, (name, colour, line) in enumerate(
    [("ann, with a roof", "#E69F00", "-"), ("bob", "#0072B2", "--"), ("eve", "#009E73", ":")]
):
    net_load = court.net_load_kwh[number]
    above.stairs(net_load, edges, baseline=None, color=colour, ls=line, lw=2, label=name)
above.axhline(0, color="#888888", linewidth=0.8)
above.set_ylabel("net load (kWh)")
above.legend(loc="lower left")
below.stairs(prices.energy_price, edges, baseline=None, color="black", lw=2, label="inside, dual")
below.axhline(0.30, color="#D55E00", ls="--", lw=1, label="bought from outside")
below.axhline(0.08, color="#009E73", ls=":", lw=1, label="fed in")
below.set_ylim(0, 0.34)
below.set_ylabel("price (EUR/kWh)")
below.set_xlabel("hour")
below.set_xticks(range(0, 25, 3))
below.legend(loc="center left", bbox_to_anchor=(0, 0.6))
