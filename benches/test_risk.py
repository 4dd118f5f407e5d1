"""Communities under a risk beside the same under the mean: 104 members, 12 days of quarter-hours.

    python -m pytest -s benches/test_risk.py -p no:xdist

prints the ratios of processor time, measured in turns in one run: what coalitions bear, bills at
dual prices, and their audit by the separation oracle; of pooled batteries, which are
dispatched by recursion, and with storage to buy, where all days are one linear program.
"""

from __future__ import annotations

from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np
import pytest
import sesgame as sg
from sesgame.energy import Community, Risk, Scenarios, StorageOffer

RISKS = {
    "CVaR 0.9, weight 0.5": Risk(level=0.9, weight=0.5),
    "CVaR 0.75": Risk(level=0.75),
    "worst case": Risk.worst_case(),
}
OFFER = StorageOffer(
    name="cells",
    price_per_kwh_year=4.0,
    price_per_kw_year=1.0,
    charge_efficiency=0.95,
    discharge_efficiency=0.95,
)
TURNS = 5


def days(*, to_buy: bool) -> list[Community]:
    """Return the middle of each month of semiurban104, with storage to buy in place of its own."""
    whole = Community.from_csv("examples/semiurban104")
    found = [whole.period(f"2016-{m:02}-15", f"2016-{m:02}-16") for m in range(1, 13)]
    if not to_buy:
        return found
    return [
        Community(
            members=day.members,
            steps=day.steps,
            load_kwh=day.load_kwh,
            pv_kwh=day.pv_kwh,
            tariff=day.tariff,
            storage_offers=[OFFER],
        )
        for day in found
    ]


COALITIONS = np.random.default_rng(0).random((2000, 104)) < 0.5


def values(world: Scenarios) -> Any:
    """Return what coalitions bear: 2,000 by recursion, 60 by linear program."""
    some = COALITIONS[: 60 if world.communities[0].storage_offers else 2000]
    return world.cost_game().values(some, progress=False)


def bills(world: Scenarios) -> Any:
    return sg.owen_allocation(world, progress=False)


def audit(world: Scenarios) -> Any:
    """Return the audit of bills at dual prices by the oracle, which proves them in the core."""
    found = sg.audit(
        world.cost_game(), bills(world), oracle=world.separation_oracle(), progress=False
    )
    assert found.in_core
    return found


WORK: dict[str, Callable[[Scenarios], Any]] = {
    "coalitions": values,
    "bills at dual prices": bills,
    "bills and their audit": audit,
}


@pytest.mark.parametrize("to_buy", [False, True], ids=["pooled batteries", "storage to buy"])
@pytest.mark.parametrize("work", WORK)
def test_a_risk_takes_as_long_as_the_mean(work: str, to_buy: bool) -> None:
    communities = days(to_buy=to_buy)
    worlds = {"mean": Scenarios(communities)}
    worlds |= {name: Scenarios(communities, risk=risk) for name, risk in RISKS.items()}
    times: dict[str, list[float]] = {name: [] for name in worlds}
    for _ in range(TURNS):
        for name, world in worlds.items():
            start = process_time()
            WORK[work](world)
            times[name].append(process_time() - start)
    mean = min(times["mean"])
    ratios = ", ".join(f"{name} {min(times[name]) / mean:.2f}" for name in RISKS)
    print(f"\n{work}, {'storage to buy' if to_buy else 'pooled'}: mean {mean:.3f} s; {ratios}")
    assert all(times.values())
