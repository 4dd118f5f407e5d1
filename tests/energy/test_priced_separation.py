"""Separation by the prices of dispatches, against enumeration and against the linear program."""

import dataclasses
import pickle

import numpy as np
import pytest
import sesgame as sg
from fixtures.worlds import battery
from sesgame.energy import Grid
from sesgame.errors import OracleError
from sesgame.stability import row_generation

KINDS = ("netting", "battery", "wear", "powers", "limits", "charge")
RELATIVE = 1e-7
"""Of what all pay: gaps of the search, 1e-8, and rounding of costs that are proved to 1e-9."""


def drawn(seed, kind, n=6, steps=6, energy=1.0, money=1.0):
    """Return a community with ties: amounts and prices are few whole numbers of a unit."""
    random = np.random.default_rng([seed, KINDS.index(kind)])
    load = random.integers(0, 4, (n, steps)) * energy
    pv = random.integers(0, 7, (n, steps)) * random.integers(0, 2, (n, 1)) * energy
    times = sg.energy.TimeSteps.from_times(
        np.datetime64("2016-06-01T00:00") + np.arange(steps) * np.timedelta64(60, "m")
    )
    unit = money / energy
    sell = random.integers(-1, 3, steps) * unit
    tariff = sg.energy.PriceSeries(times, sell + random.integers(0, 4, steps) * unit, sell)
    members = [f"m{number}" for number in range(n)]
    own = {
        "wear": {"wear": 0.5 * unit},
        "powers": {"charge_power_kw": energy},
    }.get(kind, {})
    initial = float(random.integers(0, 2)) * energy
    batteries = [
        battery(member, 4.0 * energy, 2.0 * energy, 0.8, initial, **own)
        for member in members[: random.integers(1, 4)]
    ]
    grid = {
        # Wide enough for whoever takes part, so that the battery alone may meet them.
        "limits": Grid(import_limit_kw=20.0 * n * energy, export_limit_kw=20.0 * n * energy),
        "charge": Grid(demand_charge_per_kw=2.0 * unit),
    }.get(kind, Grid())
    return sg.energy.Community(
        members=members,
        steps=times,
        load_kwh=load,
        pv_kwh=pv,
        tariff=tariff,
        batteries=() if kind == "netting" else batteries,
        grid=grid,
    )


def allocations(community, game, seed, count):
    """Yield allocations near the bills of all, with ties, and far from them."""
    random = np.random.default_rng(seed)
    bills = sg.owen_allocation(community, progress=False).values
    size = np.abs(bills).max() or 1.0
    yield bills
    for spread in np.geomspace(0.01, 1.0, count - 1):
        moved = bills + size * spread * random.integers(-2, 3, len(bills))
        yield moved - (moved.sum() - bills.sum()) / len(bills)


def check(community, seed, count=4):
    """Compare the answers of one oracle, which keeps what it learns, with all coalitions."""
    game, oracle = community.cost_game(), community.separation_oracle()
    n = game.n_players
    assert type(oracle._program).__name__ == "OuterApproximation"
    masks = np.arange(1, 2**n - 1)
    every = (masks[:, np.newaxis] >> np.arange(n) & 1).astype(bool)
    costs = game.tabulate(progress=False)[1:-1]
    outside = np.eye(n, dtype=np.int64)[:1] - np.eye(n, dtype=np.int64)[1:2]
    for allocation in allocations(community, game, seed, count):
        excesses = every @ allocation - costs
        tolerance = RELATIVE * (np.abs(allocation).sum() + np.abs(costs).max())
        for told, asked in (
            ({}, every.any(axis=1)),
            ({"outside": outside}, every @ outside[0] != 0),
        ):
            worst = excesses[asked].max()
            rows, values, bound = oracle.most_violated(allocation, 1, **told)
            assert bound == pytest.approx(worst, abs=tolerance)
            assert (rows @ allocation - values).max() == pytest.approx(worst, abs=tolerance)
        level = float(np.median(excesses))
        rows, values, bound = oracle.most_violated(allocation, n, level=level)
        assert bound >= excesses.max() - tolerance
        if excesses.max() > level + 100 * tolerance:
            assert (rows @ allocation - values).max() > level
        rows, _, bound = oracle.most_violated(allocation, n, level=excesses.max() + tolerance)
        assert bound <= excesses.max() + 3 * tolerance


@pytest.mark.parametrize("kind", KINDS)
def test_the_largest_excess_is_that_of_all_coalitions(kind):
    for seed in range(3):
        check(drawn(seed, kind), seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("energy", "money"), [(1.0, 1.0), (1e-6, 1e6), (1e6, 1e-6), (1e6, 1e6)])
def test_the_largest_excess_is_that_of_all_coalitions_in_any_unit(kind, energy, money):
    for seed in range(10, 22):
        check(drawn(seed, kind, n=6 + seed % 4, steps=12, energy=energy, money=money), seed)


def test_a_limit_that_binds_somebody_leaves_the_linear_program():
    here = drawn(1, "battery")
    tight = sg.energy.Community(
        members=here.members,
        steps=here.steps,
        load_kwh=here.load_kwh,
        pv_kwh=here.pv_kwh,
        tariff=here.tariff,
        batteries=here.batteries,
        grid=Grid(import_limit_kw=float((here.load_kwh - here.pv_kwh).sum(axis=0).max()) + 1.0),
    )
    oracle = tight.separation_oracle(model="battery")
    assert type(oracle._program).__name__ == "LinearProductionGame"


@pytest.mark.parametrize("kind", ["battery", "charge"])
def test_the_same_questions_have_the_same_answers(kind):
    here = drawn(4, kind)
    game = here.cost_game()
    one, other = here.separation_oracle(), here.separation_oracle()
    for allocation in allocations(here, game, 1, 3):
        first, second = (oracle.most_violated(allocation, 6) for oracle in (one, other))
        assert [part.tobytes() for part in first[:2]] == [part.tobytes() for part in second[:2]]
        assert first[2] == second[2]
    copy = pickle.loads(pickle.dumps(one))
    assert copy.most_violated(allocation, 1)[2] == pytest.approx(second[2])


@pytest.mark.parametrize("kind", KINDS)
def test_the_least_core_near_the_bills_is_that_of_the_table(kind):
    here = drawn(2, kind)
    game, oracle = here.cost_game(), here.separation_oracle()
    found = sg.least_core(game, oracle=oracle, progress=False)
    expected = sg.least_core(game, progress=False).evidence.value
    assert found.evidence.proved
    tolerance = 2 * found.tolerance
    assert found.evidence.lower_bound == pytest.approx(expected, abs=tolerance)
    assert found.evidence.upper_bound == pytest.approx(expected, abs=tolerance)
    assert sg.audit(game, found).worst_coalition_excess == pytest.approx(expected, abs=tolerance)
    assert found.evidence.verify(game, oracle)


def test_an_open_interval_is_said_as_a_part_of_the_savings():
    here = drawn(4, "battery")
    game = here.cost_game()
    found = sg.least_core(game, oracle=here.separation_oracle(), progress=False)
    *alone, together = game.values(np.concatenate([np.eye(6), np.ones((1, 6))]).astype(bool))
    assert found.evidence.surplus == pytest.approx(sum(alone) - together)
    assert found.evidence.surplus > 1.0
    assert found.evidence.caveats(found, str) == []
    stopped = dataclasses.replace(
        found.evidence,
        proved=False,
        lower_bound=found.evidence.upper_bound - 0.25 * found.evidence.surplus,
    )
    assert "2.5e-01 of the savings" in stopped.caveats(found, str)[0]
    nothing = dataclasses.replace(stopped, upper_bound=np.inf)
    assert "of the savings" not in nothing.caveats(found, str)[0]


def test_the_core_allocation_of_an_oracle_is_checked():
    here = drawn(2, "battery")
    game = here.cost_game()

    class Known:
        kind = "cost"
        core_allocation = np.zeros(3)
        most_violated = here.separation_oracle().most_violated

    with pytest.raises(OracleError, match="6 finite numbers"):
        sg.least_core(game, oracle=Known(), progress=False)
    # Where it is far from the core it is slower, and no less right.
    Known.core_allocation = np.linspace(-9.0, 9.0, 6)
    found = sg.least_core(game, oracle=Known(), progress=False)
    expected = sg.least_core(game, progress=False).evidence.value
    assert found.evidence.lower_bound == pytest.approx(expected, abs=2 * found.tolerance)
    assert found.evidence.proved


def semiurban(days):
    """Return the first days of June of 104 members."""
    whole = sg.energy.Community.from_csv("examples/semiurban104")
    return whole.period("2016-06-01", str(np.datetime64("2016-06-01") + days))


@pytest.mark.slow
def test_a_day_of_104_members_has_the_bound_of_the_linear_program():
    day = semiurban(1)
    oracle = day.separation_oracle()
    program = day.programme("battery").game
    bills = oracle.core_allocation
    random = np.random.default_rng(1)
    none = np.zeros((0, 104), dtype=np.int64)
    for _ in range(3):
        moved = bills + random.normal(size=104) * 0.5
        allocation = moved - (moved.sum() - bills.sum()) / 104
        gap = 1e-8 * float(np.abs(allocation).sum())
        expected = program.most_violated(allocation, none, -np.inf, gap, False, np.inf)[1]
        rows, values, bound = oracle.most_violated(allocation, 1)
        assert bound == pytest.approx(expected, abs=3 * gap)
        assert float((rows @ allocation - values)[0]) == pytest.approx(bound, abs=3 * gap)


@pytest.mark.slow
@pytest.mark.parametrize("parts", [(0.3,), row_generation.PARTS])
def test_pairs_of_coalitions_prove_the_least_core_of_a_day_of_104_members(parts, monkeypatch):
    # Elsewhere between the bounds a basis of a relaxation leads the solver nowhere.
    monkeypatch.setattr(row_generation, "PARTS", parts)
    whole = sg.energy.Community.from_csv("examples/semiurban104")
    day = whole.period("2016-09-05", "2016-09-06")
    game, oracle = day.cost_game(), day.separation_oracle()
    found = sg.least_core(game, oracle=oracle, max_seconds=300.0, progress=False)
    # Two coalitions that have nothing to gain from each other, and all that keep to the prices.
    assert found.evidence.proved
    assert found.evidence.lower_bound == pytest.approx(0.0, abs=found.tolerance)
    assert found.evidence.verify(game, oracle)


@pytest.mark.slow
def test_a_search_of_a_month_that_is_stopped_has_a_proved_interval():
    here = semiurban(30)
    game, oracle = here.cost_game(), here.separation_oracle()
    found = sg.least_core(game, oracle=oracle, max_seconds=5.0, progress=False)
    evidence = found.evidence
    assert evidence.lower_bound < 0.0
    assert evidence.lower_bound <= evidence.upper_bound <= 1e-6
    assert evidence.proved or "5 s" in evidence.reason
