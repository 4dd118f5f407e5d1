"""Models of every kind that HiGHS has, against the same ones built without those who are absent.

The reference has no memberships, no solver's tolerance of integers and no bounds that move: it goes
through all settings of the integers, and what is left is a dispatch by merit order, or, of
quadratic costs, at the price at which supply meets demand.
"""

import itertools
import math
from dataclasses import dataclass

import highspy
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sesgame import adapters
from sesgame.game.players import membership_of_masks

CONTINUOUS, INTEGER, SEMICONTINUOUS, SEMIINTEGER = (
    getattr(highspy.HighsVarType, name)
    for name in ("kContinuous", "kInteger", "kSemiContinuous", "kSemiInteger")
)
BUY, SELL = 3.0, 0.5
PRECISION = 1e-6
"""Of what a coalition buys and makes: what a proved value may miss."""


@dataclass(frozen=True)
class Plant:
    """What a member may make at a cost: up to a capacity, in some manner.

    ``kind`` is "any", "integer", "start" (at a cost, by a big-M), "semicontinuous" (from a minimum
    on), "semiinteger" or "quadratic".
    """

    owner: int
    kind: str
    cost: float
    capacity: float
    extra: float
    """The cost of a start, the minimum, or half the rise of the cost."""


@dataclass(frozen=True)
class Setting:
    """Who needs what, who has which plant, and what else memberships cost."""

    loads: tuple[float, ...]
    plants: tuple[Plant, ...]
    big_m: float = 1e3
    fees: tuple[float, ...] = ()
    rebate: float = 0.0
    """What each kWh of a plant costs less for each member."""
    rivalry: float = 0.0
    """What each pair of members costs."""

    @property
    def n_members(self):
        return len(self.loads)

    def fee(self, member):
        return self.fees[member] if self.fees else 0.0

    def costs_without_plants(self, members):
        pairs = len(members) * (len(members) - 1) / 2
        return sum(self.fee(member) for member in members) + self.rivalry * pairs


def game_of(setting, maximise=False):
    """The game of the one model with everybody, through the adapter."""
    sign = -1.0 if maximise else 1.0
    model = highspy.Highs()
    model.silent()
    z = [model.addVariable(ub=1, obj=sign * setting.fee(i)) for i in range(setting.n_members)]
    balance = model.addVariable(obj=sign * BUY) - model.addVariable(obj=-sign * SELL)
    hessian = {}
    for plant in setting.plants:
        is_semi = plant.kind.startswith("semi")
        made = model.addVariable(
            lb=plant.extra if is_semi else 0.0,
            ub=plant.capacity if is_semi else math.inf,
            obj=sign * plant.cost,
        )
        kinds = {
            "integer": INTEGER,
            "semicontinuous": SEMICONTINUOUS,
            "semiinteger": SEMIINTEGER,
        }
        model.changeColIntegrality(made.index, kinds.get(plant.kind, CONTINUOUS))
        member = z[plant.owner]
        if plant.kind == "start":
            on = model.addVariable(ub=1, obj=sign * plant.extra)
            model.changeColIntegrality(on.index, INTEGER)
            model.addConstr(made <= setting.big_m * on)
            model.addConstr(on <= member)
        else:
            model.addConstr(made <= plant.capacity * member)
        if plant.kind == "quadratic":
            hessian[made.index, made.index] = sign * 2 * plant.extra
        if setting.rebate:
            for other in z:
                hessian[made.index, other.index] = -sign * setting.rebate
        balance += made
    if setting.rivalry:
        for first, second in itertools.combinations(z, 2):
            hessian[second.index, first.index] = sign * setting.rivalry
    model.addConstr(balance == sum(need * x for need, x in zip(setting.loads, z, strict=True)))
    if hessian:
        pass_hessian(model, hessian)
    if maximise:
        model.setMaximize()
    return adapters.highspy.model_game(model, dict(enumerate(z)))


def pass_hessian(model, entries):
    """Pass a lower triangle, given by (row, column)."""
    n_columns = model.numVariables
    ordered = sorted(((max(key), min(key)), value) for key, value in entries.items())
    ordered.sort(key=lambda item: (item[0][1], item[0][0]))
    hessian = highspy.HighsHessian()
    hessian.dim_, hessian.format_ = n_columns, highspy.HessianFormat.kTriangular
    columns = [key[1] for key, _ in ordered]
    hessian.start_ = np.searchsorted(columns, np.arange(n_columns + 1)).astype(np.int32)
    hessian.index_ = np.array([key[0] for key, _ in ordered], dtype=np.int32)
    hessian.value_ = np.array([value for _, value in ordered])
    assert model.passHessian(hessian) == highspy.HighsStatus.kOk


def cost_of(setting, members):
    """What a coalition pays, by itself."""
    load = sum(setting.loads[member] for member in members)
    plants = [plant for plant in setting.plants if plant.owner in members]
    rebate = setting.rebate * len(members)
    costs = [
        sum(fixed for *_, fixed in ranges)
        + dispatch(
            load,
            [
                (low, high, p.cost - rebate, q)
                for p, (low, high, q, _) in zip(plants, ranges, strict=True)
            ],
        )
        for ranges in itertools.product(*(ways(plant, setting.big_m) for plant in plants))
    ]
    return min(costs) + setting.costs_without_plants(members)


def ways(plant, big_m):
    """The settings of a plant's integers: lowest, highest, half the cost's rise, fixed cost."""
    capacity, extra = plant.capacity, plant.extra
    integers = [(float(k), float(k), 0.0, 0.0) for k in range(math.floor(capacity) + 1)]
    return {
        "any": [(0.0, capacity, 0.0, 0.0)],
        "quadratic": [(0.0, capacity, extra, 0.0)],
        "integer": integers,
        "start": [(0.0, 0.0, 0.0, 0.0), (0.0, big_m, 0.0, extra)],
        "semicontinuous": [(0.0, 0.0, 0.0, 0.0), (extra, capacity, 0.0, 0.0)],
        "semiinteger": [way for way in integers if way[0] == 0 or way[0] >= extra],
    }[plant.kind]


def dispatch(load, ranges):
    """The least cost of a load with plants between bounds, buying and selling."""

    def made(price):
        return [
            low if price <= cost else min(max((price - cost) / (2 * q), low), high) if q else high
            for low, high, cost, q in ranges
        ]

    below, above = SELL, BUY
    if sum(made(BUY)) < load:
        below = BUY
    elif sum(made(SELL)) > load:
        above = SELL
    for _ in range(100):
        price = (below + above) / 2
        below, above = (price, above) if sum(made(price)) < load else (below, price)
    # At that price some plants may make anything between two amounts.
    some, more = made(math.nextafter(below, -math.inf)), made(math.nextafter(above, math.inf))
    some, more = (made(below), made(below)) if below == BUY else (some, more)
    missing, total = load - sum(some), sum(more) - sum(some)
    part = min(max(missing / total, 0.0), 1.0) if total > 0 else 0.0
    amounts = [a + part * (b - a) for a, b in zip(some, more, strict=True)]
    rest = load - sum(amounts)
    bill = sum(
        cost * amount + q * amount**2
        for (_, _, cost, q), amount in zip(ranges, amounts, strict=True)
    )
    return bill + (BUY if rest > 0 else SELL) * rest


def turnover(setting):
    volume = sum(map(abs, setting.loads)) + sum(plant.capacity for plant in setting.plants)
    return BUY * volume + sum(map(abs, setting.fees)) + setting.rivalry


amounts = st.floats(0.1, 9.0).map(lambda number: round(number, 2))


@st.composite
def settings_of(draw, kinds):
    n_members = draw(st.integers(1, 3))
    loads = draw(st.lists(amounts, min_size=n_members, max_size=n_members))
    plants = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(kinds))
        cost = draw(st.floats(0.6, 2.9).map(lambda number: round(number, 2)))
        capacity = draw(amounts)
        extra = draw(amounts) if kind in ("start", "quadratic") else round(capacity / 2, 2)
        owner = draw(st.integers(0, n_members - 1))
        plants.append(Plant(owner, kind, cost, capacity, extra))
    fees = draw(st.lists(amounts, min_size=n_members, max_size=n_members) | st.just([]))
    quadratic = "quadratic" in kinds
    return Setting(
        tuple(loads),
        tuple(plants),
        draw(st.sampled_from([1e2, 1e4, 1e6, 1e7])),
        tuple(fees),
        draw(st.sampled_from([0.0, 0.1])) if quadratic else 0.0,
        draw(st.sampled_from([0.0, 0.7])) if quadratic else 0.0,
    )


def assert_costs_are_those_of_the_reference(setting, maximise):
    game = game_of(setting, maximise)
    assert game.kind == ("gain" if maximise else "cost")
    n_members = setting.n_members
    membership = membership_of_masks(np.arange(1 << n_members), n_members)
    expected = [cost_of(setting, np.flatnonzero(members)) for members in membership]
    sign = -1.0 if maximise else 1.0
    np.testing.assert_allclose(
        sign * game.tabulate(), expected, rtol=0, atol=PRECISION * turnover(setting)
    )


@settings(max_examples=12)
@given(settings_of(["any"]), st.booleans())
def test_linear_models(setting, maximise):
    assert_costs_are_those_of_the_reference(setting, maximise)


@settings(max_examples=12)
@given(settings_of(["any", "quadratic"]), st.booleans())
def test_quadratic_models(setting, maximise):
    assert_costs_are_those_of_the_reference(setting, maximise)


@settings(max_examples=12)
@given(settings_of(["any", "integer", "semicontinuous", "semiinteger"]), st.booleans())
def test_integer_and_semicontinuous_models(setting, maximise):
    assert_costs_are_those_of_the_reference(setting, maximise)


@settings(max_examples=12)
@given(settings_of(["any", "start", "start"]), st.booleans())
@example(  # HiGHS runs the plant with on = 2.5e-7 and less, and that costs no start
    Setting((2.5, 1.0, 4.0), (Plant(0, "start", 0.1 + SELL, 0.0, 6.0),), 1e7), False
)
def test_starts_by_a_big_m(setting, maximise):
    assert_costs_are_those_of_the_reference(setting, maximise)


def test_the_reference_of_a_case_that_is_solved_by_hand():
    plants = (Plant(0, "quadratic", 1.0, 9.0, 0.5), Plant(1, "semicontinuous", 1.0, 5.0, 2.0))
    setting = Setting((4.0, 1.0), plants)
    # 1 + p = 3 at p = 2, and 2 more are bought.
    assert cost_of(setting, [0]) == pytest.approx(2 + 2 + 2 * BUY)
    # Buying 1 costs more than making 2 and selling 1.
    assert cost_of(setting, [1]) == pytest.approx(2 - SELL)
