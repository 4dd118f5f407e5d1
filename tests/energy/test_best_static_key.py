"""The best fixed coefficients: by brute force in fractions, by their proof, and in other units."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from fixtures.shared_roofs import neighbours
from hypothesis import strategies as st
from reference import best_key_oracles as oracle
from sesgame.errors import GameError

E = sg.energy
HOUR = np.timedelta64(1, "h")


eighths = st.integers(0, 40).map(lambda number: number / 8)


@st.composite
def communities(draw, sign=1, owner=False):
    """Draw two or three points and two to four steps in numbers that floats know exactly."""
    n, n_steps = draw(st.integers(2, 3)), draw(st.integers(2, 3))
    generated = draw(st.lists(eighths, min_size=n_steps, max_size=n_steps))
    generated[0] += 0.125
    rows = st.lists(eighths, min_size=n_steps, max_size=n_steps)
    consumed = [draw(rows) for _ in range(n)]
    for row in consumed:
        row[-1] += 0.125
    low = 0 if sign > 0 else -8
    prices = st.lists(st.integers(low, 16), min_size=n_steps, max_size=n_steps)
    # From 9/64 on, 0.0625 to the plant and 0.0625 of fee are worth it.
    buys = [[0.125 + each / 64 for each in draw(prices)] for _ in range(n)]
    sells = [draw(st.integers(-1, 4)) / 64 for _ in range(n)] if owner else [0.0] * n
    return generated, consumed, buys, sells


def in_fractions(case, unused):
    """Return generation, consumption, and what used and assigned kWh save, in fractions."""
    generated, consumed, buys, sells = case
    outside = Fraction(1, 16)
    earned = [outside if unused == "plant" else Fraction(sell) for sell in sells]
    worth = [
        [Fraction(price) - Fraction(1, 16) - own for price in row]
        for row, own in zip(buys, earned, strict=True)
    ]
    rest = [
        [Fraction(0) if unused == "plant" else Fraction(sell)] * len(generated) for sell in sells
    ]
    as_fractions = [[Fraction(each) for each in row] for row in consumed]
    return [Fraction(each) for each in generated], as_fractions, worth, rest


def checked_by_brute_force(case, unused, charge=0.0):
    generated, consumed, buys, sells = case
    charges = [(E.DemandCharge(price_per_kw=charge),) if charge else ()] * len(consumed)
    world = neighbours(generated, consumed, buys, sells, charges, fee=0.0625)
    peaks = "residual" if charge else "unchanged"
    best = E.best_static_key(world, unused=unused, peaks=peaks)
    assert bool(best.verify(world)), best.verify(world).failures
    parts = in_fractions(case, unused)
    most, attained = oracle.best_static(*parts, [Fraction(charge)] * len(consumed))
    without = sum(
        oracle.gain(parts[0], row, worth, rest, Fraction(0), Fraction(charge))
        for row, worth, rest in zip(*parts[1:], strict=True)
    )
    if unused == "owner":
        # What the plant would have earned by itself is the owners' then.
        without += sum(parts[0]) / 16
    saved = best.cost_without - best.cost
    # Six floats for each step of each point, each of which is at most the turnover.
    assert abs(saved - float(most - without)) <= best.tolerance
    return best, attained, most


@drawn(16, 70, communities())
def test_no_coefficients_save_more(case):
    best, attained, _ = checked_by_brute_force(case, "plant")
    assert best.gap == 0
    if len(attained) == 1:
        assert best.coefficients == pytest.approx([float(each) for each in attained[0]], abs=1e-12)


@drawn(12, 40, communities(owner=True).filter(lambda case: min(map(min, case[2])) >= 3 / 16))
def test_no_coefficients_save_more_where_owners_sell_what_they_do_not_use(case):
    best, _, _ = checked_by_brute_force(case, "owner")
    assert best.gap == 0


@drawn(12, 40, communities(), st.sampled_from([0.125, 0.5, 4.0]))
def test_no_coefficients_save_more_where_charges_are_on_what_is_left(case, charge):
    best, _, _ = checked_by_brute_force(case, "plant", charge)
    assert best.gap == 0


@drawn(16, 70, communities(sign=-1))
def test_the_bound_holds_where_a_used_kwh_may_cost_more_than_a_bought_one(case):
    generated, consumed, buys, sells = case
    world = neighbours(generated, consumed, buys, sells, fee=0.0625)
    best = E.best_static_key(world)
    assert bool(best.verify(world)), best.verify(world).failures
    most, _ = oracle.best_static(*in_fractions(case, "plant"), [Fraction(0)] * len(consumed))
    least = best.cost_without - float(most)
    assert best.least_cost - best.tolerance <= least <= best.cost + best.tolerance


def test_steps_at_which_sharing_costs_more_than_it_saves_leave_a_gap():
    # Up to 0.3 a coefficient costs 0.5, from there to 0.6 it saves 1, and nothing beyond that: two
    # points cannot both have 0.6, and so one has it all.
    world = neighbours([1, 1], [[0.6, 0.3]] * 2, [[1.125, -1.375]] * 2, fee=0.0625)
    best = E.best_static_key(world)
    assert best.cost_without - best.cost == pytest.approx(0.15, abs=1e-15)
    assert best.gap == pytest.approx(0.1, abs=1e-15)
    assert "at most 0.1 more than the best" in best.verify(world).claim


def test_of_many_alike_only_one_is_left_inside_a_gap():
    # A coefficient saves 0.5 up to 0.1, and 1 from there to 0.2: five with 0.2 are better than
    # six with a sixth each.
    buys = [[1.125, -0.375]] * 6
    world = neighbours([1, 1], [[0.2, 0.1]] * 6, buys, fee=0.0625)
    best = E.best_static_key(world)
    assert best.coefficients == pytest.approx([0.2] * 5 + [0], abs=1e-15)
    assert best.gap == 0


RNG = np.random.default_rng(22)
SUN = np.maximum(0, np.sin(np.arange(72) / 24 * 2 * np.pi)) * RNG.uniform(2, 6, 72)
NEEDS = RNG.gamma(0.6, 1.0, (6, 72))
BUYS = [0.24, 0.26, 0.28, 0.3, 0.32, 0.34]
MONTH = E.DemandCharge(price_per_kw=3.0)
CHARGES = {
    "the highest step": MONTH,
    "three highest days": replace(MONTH, n_highest=3, one_per_day=True),
    "windows of three hours": replace(MONTH, mean_minutes=180),
    "a floor": replace(MONTH, floor_kw=2.0),
    "a ratchet": replace(MONTH, ratchet=0.9, history_kw={"2024-05": 4.0}),
    "a mean of months": replace(MONTH, mean_of_months=2, history_kw={"2024-05": 4.0}),
    "evenings": replace(MONTH, start_minute=17 * 60, end_minute=22 * 60),
}


@pytest.mark.parametrize("charge", CHARGES.values(), ids=CHARGES)
def test_bills_of_the_contract_are_least_where_charges_are_on_what_is_left(charge):
    world = neighbours(SUN, NEEDS, BUYS, charges=[(charge,)] * 6)
    best = E.best_static_key(world, peaks="residual")
    assert best.gap == 0
    assert bool(best.verify(world)), best.verify(world).failures

    def cost(coefficients):
        """Return what the bills of the contracts say that all pay."""
        by_name = {contract.name: contract for contract in world.contracts}
        total = left_over = 0.0
        for point, part in zip(world.points[1:], coefficients, strict=True):
            used = np.minimum(part * SUN, point.import_kwh)
            left_over += used.sum()
            bill = by_name[point.contract].bill(world.steps, point.import_kwh - used)
            total += bill.cost + 0.05 * used.sum()
        return total - 0.0625 * (SUN.sum() - left_over)

    assert cost(best.coefficients) == pytest.approx(best.cost, abs=best.tolerance)
    rng = np.random.default_rng(1)
    for step in (1e-3, 1e-2, 0.1):
        for _ in range(3):
            other = np.clip(best.coefficients + step * rng.normal(size=6), 0, None)
            assert cost(other / other.sum()) >= best.cost - best.tolerance


def test_charges_move_the_key_to_those_whose_peak_is_in_the_sun():
    world = neighbours([4, 0], [[3, 0], [2, 2]], [0.3, 0.3], charges=[(MONTH,), (MONTH,)])
    unchanged = E.best_static_key(world)
    residual = E.best_static_key(world, peaks="residual")
    # The second has its peak at night, too, so that sun is no help to it.
    assert residual.coefficients.tolist() == pytest.approx([0.75, 0.25])
    assert unchanged.cost_without == residual.cost_without
    assert residual.cost < unchanged.cost


def test_cost_is_that_of_all_under_the_key():
    world = neighbours(SUN, NEEDS, BUYS, charges=[(MONTH,)] * 6)
    best = E.best_static_key(world)
    bills = E.shared_generation(world, best.key, local_price_per_kwh=0.1)
    assert bills.total == pytest.approx(best.cost, abs=best.tolerance + bills.tolerance)
    assert bills.evidence.cost >= world.cost_game().value(world.members) - best.tolerance


@pytest.mark.parametrize("unused", ["plant", "owner"])
def test_points_take_part_with_a_part_of_their_registers_at_reduced_fees(unused):
    whole = neighbours(SUN, NEEDS, BUYS, [0.03] * 6, charges=[(MONTH,)] * 6)
    world = E.PublicGrid(
        points=[replace(p, participation=1 - k / 8) for k, p in enumerate(whole.points)],
        steps=whole.steps,
        contracts=whole.contracts,
        fee_per_kwh=0.05,
        reduction=0.5,
    )
    best = E.best_static_key(world, unused=unused)
    bills = E.shared_generation(world, best.key, local_price_per_kwh=0.1, unused=unused)
    assert bills.total == pytest.approx(best.cost, abs=best.tolerance + bills.tolerance)
    assert best.cost_without == pytest.approx(
        bills.evidence.bills_without_sharing.sum(), abs=best.tolerance + bills.tolerance
    )
    residual = E.best_static_key(world, peaks="residual")
    assert bool(residual.verify(world)), residual.verify(world).failures
    given = E.best_given_key(world, peaks="residual")
    assert bool(given.verify(world)), given.verify(world).failures
    assert given.cost < residual.cost < E.best_static_key(world).cost


@pytest.mark.parametrize("unused", ["plant", "owner"])
@pytest.mark.parametrize("peaks", ["unchanged", "residual"])
def test_names_and_orders_of_points_do_not_matter(unused, peaks):
    sells = [0.04, 0.05, 0.06, 0.07, 0.05, 0.04]
    charges = [(MONTH,), (), (MONTH,), (), (), (MONTH,)]
    best = E.best_static_key(
        neighbours(SUN, NEEDS, BUYS, sells, charges), unused=unused, peaks=peaks
    )
    order = [3, 5, 0, 1, 4, 2]
    other = E.best_static_key(
        neighbours(
            SUN,
            NEEDS[order],
            [BUYS[k] for k in order],
            [sells[k] for k in order],
            [charges[k] for k in order],
        ),
        unused=unused,
        peaks=peaks,
    )
    # Sums in another order round otherwise.
    assert other.cost == pytest.approx(best.cost, abs=best.tolerance)
    assert other.coefficients == pytest.approx(best.coefficients[order], abs=1e-9)


def test_alike_points_have_alike_coefficients():
    world = neighbours([9, 9], [[1, 2], [1, 2], [1, 2]], [0.3, 0.3, 0.3])
    best = E.best_static_key(world)
    assert best.coefficients.tolist() == pytest.approx([1 / 3] * 3, abs=1e-15)


@pytest.mark.parametrize("peaks", ["unchanged", "residual"])
def test_units_of_energy_and_money_do_not_matter(peaks):
    charges = [(MONTH,)] * 6
    best = E.best_static_key(neighbours(SUN, NEEDS, BUYS, charges=charges), peaks=peaks)
    # Powers of two, so that floats are the same but for their exponent; prices per kWh stay.
    world = neighbours(SUN * 1024, NEEDS * 1024, BUYS, charges=charges)
    other = E.best_static_key(world, peaks=peaks)
    assert other.coefficients.tolist() == best.coefficients.tolist()
    assert other.cost == best.cost * 1024


def test_a_forged_result_is_refuted():
    world = neighbours(SUN, NEEDS, BUYS)
    best = E.best_static_key(world)
    more = best.tolerance * 10 + 0.01
    for forged, words in (
        (replace(best, cost=best.cost - more), "under the key"),
        (replace(best, least_cost=best.least_cost + more), "proves that no coefficients"),
        (replace(best, multiplier=best.multiplier * 0.9), "proves that no coefficients"),
        (replace(best, coefficients=best.coefficients[::-1].copy()), "under the key"),
        (replace(best, coefficients=best.coefficients * 0.9), "add up to"),
        (replace(best, coefficients=best.coefficients - 0.3), "not from 0 to 1"),
        (replace(best, coefficients=best.coefficients[1:]), "a point has none"),
        (replace(best, rents=best.rents + 1), "beyond it"),
        (replace(best, tolerance=1.0), "rounding takes"),
        (replace(best, multiplier=np.nan), "proves that no coefficients"),
        (replace(best, cost=np.nan), "under the key"),
        (replace(best, points=("p1", "p0", "p2", "p3", "p4", "p5")), "other points"),
        (replace(best, least_cost=best.least_cost - more), "proves that no coefficients"),
        (replace(best, cost_without=best.cost_without + more), "without"),
        (replace(best, tolerance=-1.0), "rounding takes"),
        (replace(best, touched=((0.5,), *best.touched[1:])), "tangents"),
    ):
        found = forged.verify(world)
        assert found.state == "refuted"
        assert words in " ".join(found.failures)
    with pytest.raises(GameError, match="peaks must be"):
        replace(best, peaks="none").verify(world)


def test_a_part_of_the_period():
    world = neighbours(SUN, NEEDS, BUYS)
    one = E.best_static_key(world, start="2024-06-02", end="2024-06-03")
    other = E.best_static_key(world.period("2024-06-02", "2024-06-03"))
    assert one == other
    assert bool(one.verify(world, start="2024-06-02", end="2024-06-03"))
    assert one.verify(world).state == "refuted"


def test_two_plants_are_one_with_the_mean_of_their_prices():
    steps = E.TimeSteps("2024-06-01T00:00", HOUR, 72)
    point, flat = E.MeteringPoint, E.Tariff.flat
    stops = np.where(np.arange(72) < 30, 1.0, 0.0)  # a plant that stops
    world = E.PublicGrid(
        points=[
            point(name="a", member="a", contract="one", export_kwh=SUN, zone="north"),
            point(name="b", member="b", contract="two", export_kwh=stops, zone="south"),
            *(
                point(name=f"p{k}", member=f"m{k}", contract="buy", import_kwh=row, zone="north")
                for k, row in enumerate(NEEDS)
            ),
        ],
        steps=steps,
        contracts=[
            E.Contract(name="one", energy=flat(0.3, 0.05)),
            E.Contract(name="two", energy=flat(0.3, 0.09)),
            E.Contract(name="buy", energy=flat(0.3, 0.0)),
        ],
        fee_per_kwh={
            ("north", "north"): 0.02,
            ("south", "north"): 0.06,
            ("north", "south"): 0.06,
            ("south", "south"): 0.02,
        },
    )
    best = E.best_static_key(world)
    bills = E.shared_generation(world, best.key, local_price_per_kwh={"a": 0.1, "b": 0.12})
    assert bills.total == pytest.approx(best.cost, abs=best.tolerance + bills.tolerance)
    assert best.gap == 0
    assert bool(best.verify(world))


WRONG = {
    "peaks": (lambda world: E.best_static_key(world, peaks="none"), 'peaks must be "unchanged"'),
    "unused": (lambda world: E.best_static_key(world, unused="nobody"), 'unused must be "plant"'),
    "no period": (lambda world: E.best_static_key(world, start="2030-01-01"), "2030-01-01"),
    "a community": (lambda _: E.best_static_key("street"), "world must be PublicGrid, got str"),
}


@pytest.mark.parametrize(("call", "words"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_named(call, words):
    with pytest.raises(GameError, match=words):
        call(neighbours(SUN, NEEDS, BUYS))


def test_what_no_multiplier_proves_is_refused():
    capped = replace(MONTH, cap_kw=5.0)
    world = neighbours(SUN, NEEDS, BUYS, charges=[(), (capped,), (), (), (), ()])
    E.best_static_key(world)
    with pytest.raises(GameError, match="'p1': a demand charge with a cap"):
        E.best_static_key(world, peaks="residual")
    with pytest.raises(GameError, match="no point feeds in"):
        E.best_static_key(neighbours(SUN * 0, NEEDS, BUYS))
    with pytest.raises(GameError, match="no point draws"):
        E.best_static_key(neighbours(SUN, NEEDS * 0, BUYS))
