"""The best key of each step: by brute force, as a whole linear program, and by its proof."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from fixtures.shared_roofs import neighbours
from hypothesis import strategies as st
from reference import best_key_oracles as oracle
from sesgame.energy.sharing_keys.merit_order import BLOCK_STEPS, merit_order
from sesgame.errors import GameError

E = sg.energy
RNG = np.random.default_rng(22)
SUN = np.maximum(0, np.sin(np.arange(72) / 24 * 2 * np.pi)) * RNG.uniform(2, 6, 72)
NEEDS = RNG.gamma(0.6, 1.0, (5, 72))
BUYS = [0.24, 0.28, 0.28, 0.3, 0.34]
CHARGE = E.DemandCharge(price_per_kw=3.0)

eighths = st.integers(0, 40).map(lambda number: number / 8)


@st.composite
def steps(draw):
    """Draw what three points draw and save, worth nothing or less included."""
    n_steps = draw(st.integers(1, 4))
    shape = st.lists(eighths, min_size=n_steps, max_size=n_steps)
    worth = st.lists(st.integers(-4, 16).map(lambda n: n / 64), min_size=n_steps, max_size=n_steps)
    three = st.lists(shape, min_size=3, max_size=3)
    return draw(shape), draw(three), draw(st.lists(worth, min_size=3, max_size=3))


@drawn(30, 200, steps())
def test_no_use_of_a_step_saves_more(case):
    generated, consumed, worth = (np.array(each, dtype=float) for each in case)
    used = merit_order(worth, consumed, generated)
    assert ((used >= 0) & (used <= consumed)).all()
    assert not used[worth <= 0].any()
    # A part of what is tied is a quotient, and sums of three round in their last bits.
    assert (used.sum(axis=0) <= generated * (1 + 4e-16)).all()
    for step, available in enumerate(generated):
        best = oracle.best_of_step(
            Fraction(available),
            [Fraction(each) for each in consumed[:, step]],
            [Fraction(each) for each in worth[:, step]],
        )
        saved = float((worth[:, step] * used[:, step]).sum())
        assert saved == pytest.approx(float(best), rel=1e-14, abs=1e-300)


def test_those_of_one_worth_use_the_same_part_of_what_they_draw():
    used = merit_order(np.full((3, 1), 0.25), np.array([[1.0], [3.0], [6.0]]), np.array([5.0]))
    assert used.ravel().tolist() == [0.5, 1.5, 3.0]  # as by the dynamic key


def test_blocks_of_steps_make_no_difference():
    n_steps = 2 * BLOCK_STEPS + 5
    rng = np.random.default_rng(3)
    worth, consumed = rng.normal(0.1, 0.1, (4, n_steps)), rng.gamma(1.0, 1.0, (4, n_steps))
    generated = rng.gamma(2.0, 1.0, n_steps)
    whole = merit_order(worth, consumed, generated)
    for step in (0, BLOCK_STEPS - 1, BLOCK_STEPS, n_steps - 1):
        one = slice(step, step + 1)
        alone = merit_order(worth[:, one], consumed[:, one], generated[one])
        assert alone.ravel().tolist() == whole[:, step].tolist()


def test_with_one_plant_it_is_the_grand_coalition():
    world = neighbours(SUN, NEEDS, BUYS, charges=[(CHARGE,)] * 5)
    best = E.best_given_key(world)
    together = world.cost_game().value(world.members)
    assert best.cost == pytest.approx(together, abs=best.tolerance)
    assert best.gap == 0
    bills = E.shared_generation(world, best.key, local_price_per_kwh=0.1)
    assert bills.total == pytest.approx(best.cost, abs=best.tolerance + bills.tolerance)
    assert bills.evidence.lost_money == pytest.approx(0, abs=best.tolerance + bills.tolerance)


def test_of_two_plants_each_used_kwh_is_a_mean_and_the_grand_coalition_may_choose():
    world = neighbours(SUN, NEEDS, BUYS)
    dear = E.MeteringPoint(name="b", member="b", contract="p4", export_kwh=np.full(72, 2.0))
    contracts = [
        replace(contract, energy=E.Tariff.flat(0.34, 0.2)) if contract.name == "p4" else contract
        for contract in world.contracts
    ]
    two = E.PublicGrid(
        points=[*world.points, dear], steps=world.steps, contracts=contracts, fee_per_kwh=0.05
    )
    best = E.best_given_key(two)
    assert bool(best.verify(two))
    assert best.cost > two.cost_game().value(two.members) + 0.1
    bills = E.shared_generation(two, best.key, local_price_per_kwh=0.1)
    assert bills.total == pytest.approx(best.cost, abs=best.tolerance + bills.tolerance)


PERIODS = {
    "one period": (replace(CHARGE, per="period"), [range(72)]),
    "mornings": (
        replace(CHARGE, per="period", start_minute=360, end_minute=600),
        [[step for step in range(72) if 6 <= step % 24 < 10]],
    ),
    "a small charge": (replace(CHARGE, per="period", price_per_kw=0.01), [range(72)]),
}


@pytest.mark.parametrize(("charge", "periods"), PERIODS.values(), ids=PERIODS)
@pytest.mark.parametrize("sun", [0.1, 1.0, 4.0])
def test_charges_on_what_is_left_are_least_as_a_whole_program_has_it(charge, periods, sun):
    charges = [(charge,), (), (charge,), (charge,), ()]
    world = neighbours(sun * SUN, NEEDS, BUYS, charges=charges)
    best = E.best_given_key(world, peaks="residual")
    assert bool(best.verify(world)), best.verify(world).failures
    worth = np.repeat(np.array(BUYS)[:, np.newaxis] - 0.05 - 0.0625, 72, axis=1)
    prices = [charge.price_per_kw if each else 0.0 for each in charges]
    least = oracle.least_cost_with_peaks(sun * SUN, NEEDS, worth, prices, periods)
    charged = sum(
        price * sum(NEEDS[row][list(period)].max() for period in periods)
        for row, price in enumerate(prices)
    )
    # Both solvers keep rows to 1e-7 kWh; the charge on a kWh is 3 at most.
    assert best.cost == pytest.approx(best.cost_without - charged + least, abs=1e-5)
    assert best.cost - best.least_cost <= 1e-5
    assert best.cost <= E.best_given_key(world).cost + 1e-5


BILLED = {
    "a floor": replace(CHARGE, floor_kw=2.5),
    "windows of three hours": replace(CHARGE, mean_minutes=180),
    "a mean of months": replace(CHARGE, mean_of_months=2, history_kw={"2024-05": 4.0}),
    "all of them": replace(
        CHARGE, mean_of_months=2, history_kw={"2024-05": 4.0}, mean_minutes=120, floor_kw=1.0
    ),
    "evenings": replace(CHARGE, start_minute=17 * 60, end_minute=22 * 60),
    "one of a day": replace(CHARGE, one_per_day=True),
}


@pytest.mark.parametrize("charge", BILLED.values(), ids=BILLED)
def test_bills_of_the_contract_are_least_where_charges_are_on_what_is_left(charge):
    steps = E.TimeSteps("2024-06-29T00:00", np.timedelta64(1, "h"), 72)
    world = neighbours(SUN, NEEDS, BUYS, charges=[(charge,)] * 5, steps=steps)
    best = E.best_given_key(world, peaks="residual")
    assert bool(best.verify(world)), best.verify(world).failures
    by_name = {contract.name: contract for contract in world.contracts}

    def cost(used):
        """Return what the bills of the contracts say that all pay."""
        total = 0.05 * used.sum() - 0.0625 * (SUN.sum() - used.sum())
        for point, part in zip(world.points[1:], used, strict=True):
            total += by_name[point.contract].bill(steps, point.import_kwh - part).cost
        return total

    used = np.minimum(best.parts * SUN, NEEDS)
    # The solver keeps rows to 1e-7 kWh; the charge on a kWh is 3 at most.
    assert cost(used) == pytest.approx(best.cost, abs=1e-9)
    assert best.cost - best.least_cost <= 1e-5
    rng = np.random.default_rng(1)
    for size in (1e-3, 1e-2, 0.1):
        for _ in range(3):
            other = np.clip(used + size * rng.normal(size=used.shape), 0, NEEDS)
            other *= np.minimum(1, SUN / np.maximum(other.sum(axis=0), 1e-300))
            assert cost(other) >= best.least_cost


def test_months_have_peaks_of_their_own():
    steps = E.TimeSteps("2024-06-29T00:00", np.timedelta64(1, "h"), 72)
    world = neighbours(SUN, NEEDS, BUYS, charges=[(CHARGE,)] * 5, steps=steps)
    best = E.best_given_key(world, peaks="residual")
    june = E.best_given_key(world, peaks="residual", end="2024-07-01")
    july = E.best_given_key(world, peaks="residual", start="2024-07-01")
    assert june.cost + july.cost == pytest.approx(best.cost, abs=1e-5)
    assert bool(best.verify(world))
    assert bool(june.verify(world, end="2024-07-01"))


@pytest.mark.parametrize(
    ("start", "n_steps"),
    [("2024-03-30T00:00", 71), ("2024-10-26T00:00", 73)],
    ids=["a day of 23 hours", "a day of 25 hours"],
)
def test_days_on_which_the_clock_changes(start, n_steps):
    begin = np.datetime64(start) - np.timedelta64(1 if start < "2024-07" else 2, "h")
    times = [f"{time}Z" for time in begin + np.arange(n_steps) * np.timedelta64(1, "h")]
    steps = E.TimeSteps.from_times(times, zone="Europe/Vienna", tariff_zone="Europe/Vienna")
    assert np.unique(steps.times.astype("datetime64[D]")).size == 3
    needs = np.column_stack([NEEDS, NEEDS[:, :1]])[:, :n_steps]
    sun = np.append(SUN, 0.0)[:n_steps]
    world = neighbours(sun, needs, BUYS, charges=[(CHARGE,)] * 5, steps=steps)
    for best in (
        E.best_given_key(world, peaks="residual"),
        E.best_static_key(world, peaks="residual"),
    ):
        assert bool(best.verify(world)), best.verify(world).failures
    best = E.best_given_key(world)
    bills = E.shared_generation(world, best.key, local_price_per_kwh=0.1)
    assert bills.total == pytest.approx(best.cost, abs=best.tolerance + bills.tolerance)


def test_sun_goes_to_a_peak_rather_than_to_a_high_price():
    charge = replace(CHARGE, price_per_kw=10.0)
    world = neighbours([2, 2], [[4, 1], [2, 1]], [0.28, 0.36], charges=[(charge,), ()])
    assert E.best_given_key(world).parts.tolist() == [[0.0, 0.5], [1.0, 0.5]]
    best = E.best_given_key(world, peaks="residual")
    assert best.parts == pytest.approx(np.array([[1.0, 0.5], [0.0, 0.5]]))
    assert best.cost_without - best.cost == pytest.approx(20 + 3 * (0.28 - 0.1125) + 0.36 - 0.1125)


def test_a_forged_result_is_refuted():
    world = neighbours(SUN, NEEDS, BUYS, charges=[(CHARGE,)] * 5)
    best = E.best_given_key(world, peaks="residual")
    doubled = tuple(2 * prices + 1 for prices in best.peak_prices)
    for forged, words in (
        (replace(best, cost=best.cost - 1), "under the key"),
        (replace(best, least_cost=best.least_cost + 1), "what is proved"),
        (replace(best, parts=best.parts[::-1].copy()), "under the key"),
        (replace(best, parts=-best.parts), "negative"),
        (replace(best, peak_prices=doubled), "more than the charge"),
        (replace(best, peak_prices=()), "other peaks"),
        (replace(best, tolerance=1.0), "rounding takes"),
        (replace(best, least_cost=np.nan), "what is proved"),
        (replace(best, points=("a", "b", "c", "d", "e")), "other points"),
        (replace(best, parts=best.parts[1:]), "not one for each point"),
        (replace(best, least_cost=best.least_cost - 1), "what is proved"),
        (replace(best, cost_without=best.cost_without + 1), "without"),
        (replace(best, tolerance=-1.0), "rounding takes"),
    ):
        found = forged.verify(world)
        assert found.state == "refuted"
        assert words in " ".join(found.failures)
    with pytest.raises(GameError, match="peaks must be"):
        replace(best, peaks="none").verify(world)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"n_highest": 3}, "a mean of several windows"),
        ({"cap_kw": 9.0}, "a cap"),
        ({"ratchet": 0.8}, "a ratchet"),
    ],
    ids=["means", "caps", "ratchets"],
)
def test_a_peak_that_no_program_has_is_refused_by_name(more, words):
    charged = replace(CHARGE, **more)
    world = neighbours(SUN, NEEDS, BUYS, charges=[(), (charged,), (), (), ()])
    with pytest.raises(GameError, match=f"contract 'p1': a demand charge with {words}"):
        E.best_given_key(world, peaks="residual")
    assert bool(E.best_given_key(world).verify(world))


def test_wrong_arguments_are_named():
    with pytest.raises(GameError, match='peaks must be "unchanged"'):
        E.best_given_key(neighbours(SUN, NEEDS, BUYS), peaks="both")
    with pytest.raises(GameError, match="world must be PublicGrid, got str"):
        E.best_given_key("street")


def test_names_orders_and_units_do_not_matter():
    best = E.best_given_key(neighbours(SUN, NEEDS, BUYS))
    order = [2, 4, 0, 3, 1]
    other = E.best_given_key(neighbours(SUN, NEEDS[order], [BUYS[k] for k in order]))
    # Sums over tied points in another order round otherwise.
    assert other.parts == pytest.approx(best.parts[order], abs=1e-15)
    larger = E.best_given_key(neighbours(1024 * SUN, 1024 * NEEDS, BUYS))
    assert larger.parts.tolist() == best.parts.tolist()
    assert larger.cost == 1024 * best.cost
