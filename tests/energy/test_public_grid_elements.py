"""Which element of a contract or of sharing keeps which promise: a row each, as on the page."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from fixtures.streets import street, varied
from hypothesis import strategies as st
from sesgame.energy import (
    Block,
    Contract,
    DemandCharge,
    FixedFee,
    MeteringPoint,
    PriceSeries,
    PublicGrid,
    Tariff,
    Tax,
)
from sesgame.errors import GameError

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "public-grid.md"

SEEDS = st.integers(0, 100_000)

# Sums of some dozens of eighths of whole numbers are exact, and midpoints nearly so.
ROUNDING = 1e-12


def series(seed):
    """Return a street of which each contract has prices of its own in each step."""
    world, random = street(seed), np.random.default_rng(seed)
    contracts = [
        replace(each, energy=PriceSeries(world.steps, *random.integers(-2, 9, (2, 3)) / 4))
        for each in world.contracts
    ]
    return varied(world, contracts=contracts)


def with_elements(**elements):
    """Return what makes streets whose contracts all have some elements."""
    return lambda seed: street(seed, **elements)


KEPT = {
    "energy prices by contract, one fee": street,
    "fees by zone": with_elements(zones=3),
    "prices of each step, negative ones among them": series,
    "a contract that pays more than another charges": with_elements(crossing=True),
    "loss factors": with_elements(loss_factor=1.25),
    "own points share only with others": with_elements(own_points="with_others"),
    "demand charges of points": with_elements(
        demand_charges=[DemandCharge(price_per_kw=0.5), DemandCharge(price_per_kw=1, floor_kw=2)]
    ),
    "fixed fees in the game": with_elements(
        fees=[FixedFee(label="meter", price=-0.5, per="day", in_game=True)]
    ),
    "other fixed fees, and taxes": with_elements(
        fees=[FixedFee(label="member", price=1, per="day", of="member")],
        taxes=[Tax(label="VAT", per_cent=20)],
    ),
}
"""By its row of the page: what is subadditive, has a core, and has bills at dual prices in it."""

REFUSED = {
    "a capped credit": {"credit": "capped"},
    "net metering": {"credit": "net per month"},
    "blocks": {"blocks": [Block(above_kwh=10, surcharge_per_kwh=0.1)]},
    "a minimum bill": {"minimum_per_month": 5.0},
}


def check_promises(world):
    """Check that a game is subadditive and balanced."""
    table = world.cost_game().tabulate()
    n_coalitions = len(table)
    for one in range(1, n_coalitions):
        for other in range(1, n_coalitions):
            if not one & other:
                assert table[one | other] <= table[one] + table[other] + ROUNDING
    assert not sg.core_existence(world.cost_game()).is_empty
    return table


@pytest.mark.parametrize("element", KEPT)
@drawn(2, 60, SEEDS)
def test_what_is_shared_step_by_step_keeps_all_promises(element, seed):
    world = KEPT[element](seed)
    table = check_promises(world)
    bills = sg.owen_allocation(world)
    assert sg.audit(world.cost_game(), bills).in_core
    assert bills.values.sum() == pytest.approx(table[-1], abs=ROUNDING)
    assert (bills.evidence.lowest <= bills.values + ROUNDING).all()
    assert (bills.values <= bills.evidence.highest + ROUNDING).all()


@drawn(2, 60, SEEDS)
def test_own_points_that_never_share_leave_no_one_price(seed):
    world = street(seed, own_points="never")
    check_promises(world)
    with pytest.raises(GameError, match="one price for all does not clear"):
        sg.owen_allocation(world)


@pytest.mark.parametrize("element", REFUSED)
def test_what_ties_the_steps_of_a_month_is_refused_by_name(element):
    with pytest.raises(GameError, match=r"the contract 'contract \d' of the point 'point 0' has"):
        street(0, **REFUSED[element])
    named = {"net metering": "credit 'net per month'"}.get(element, element)
    with pytest.raises(GameError, match=f"has {named}: the steps of a month hang together"):
        street(0, **REFUSED[element])


def test_the_page_has_these_rows():
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    _, _, *rows = [line.strip("| ").split(" | ") for line in lines]
    table = {name: promises for name, *promises in rows}
    kept, refused = ["yes", "yes", "in the core"], ["refused"] * 3
    assert {name for name, promises in table.items() if promises == kept} == set(KEPT)
    assert {name for name, promises in table.items() if promises == refused} == {
        *REFUSED,
        "batteries",
    }
    assert table["own points never share"] == ["yes", "yes", "refused"]
    assert len(table) == len(rows) == len(KEPT) + len(REFUSED) + 2


POINT = {
    "roof": {"export_kwh": [2.0, 1.0]},
    "flat": {"import_kwh": [1.0, 3.0]},
}


def homes(**elements):
    """Return a roof and a flat in two half days, at a fee of 0.10."""
    contract = Contract(name="basic", energy=Tariff.flat(0.30, 0.08), **elements)
    return PublicGrid(
        points=[
            MeteringPoint(name=f"{member} meter", member=member, contract="basic", **registers)
            for member, registers in POINT.items()
        ],
        steps=sg.energy.TimeSteps("2024-06-01", np.timedelta64(12, "h"), 2),
        contracts=[contract],
        fee_per_kwh=0.10,
    )


# Alone the roof earns 3 kWh at 0.08, and the flat pays 4 kWh at 0.30; two of them are shared,
# and spare 0.30 - 0.08 - 0.10 each.
ALONE, SAVED = [-0.24, 1.20], 0.24


@pytest.mark.parametrize(
    ("elements", "alone", "saved"),
    [
        pytest.param({}, ALONE, SAVED, id="prices"),
        # Each kWh that is drawn is billed as 1.1, and spares as much.
        pytest.param({"loss_factor": 1.1}, [-0.24, 1.32], 2 * (0.33 - 0.18), id="losses"),
        # The flat's peak is 3 kWh in 12 hours; the roof draws nothing.
        pytest.param(
            {"demand_charges": [DemandCharge(price_per_kw=2.0)]}, [-0.24, 1.70], SAVED, id="peak"
        ),
        pytest.param(
            {"demand_charges": [DemandCharge(price_per_kw=2.0, floor_kw=1.0)]},
            [1.76, 3.20],
            SAVED,
            id="floor",
        ),
        pytest.param(
            {"fees": [FixedFee(label="meter", price=0.5, per="day", in_game=True)]},
            [0.26, 1.70],
            SAVED,
            id="fee in the game",
        ),
        pytest.param(
            {
                "fees": [FixedFee(label="meter", price=0.5, per="day")],
                "taxes": [Tax(label="VAT", per_cent=20.0)],
            },
            ALONE,
            SAVED,
            id="outside",
        ),
    ],
)
def test_what_is_in_the_game_is_as_by_hand(elements, alone, saved):
    world = homes(**elements)
    costs = [0.0, *alone, sum(alone) - saved]
    assert world.cost_game().tabulate().tolist() == pytest.approx(costs, abs=ROUNDING)
    for member, cost in zip(world.members, alone, strict=True):
        (bill,) = world.bills_alone(member)
        assert bill.cost == pytest.approx(cost, abs=ROUNDING)
        assert bill.point == f"{member} meter"
    bills = sg.owen_allocation(world)
    assert bills.values.sum() == pytest.approx(costs[-1], abs=ROUNDING)
    # Neither saves anything without the other.
    assert sg.shapley_value(world.cost_game()).values.tolist() == pytest.approx(
        [cost - saved / 2 for cost in alone], abs=ROUNDING
    )


def test_what_is_outside_the_game_is_said():
    world = homes(
        fees=[
            FixedFee(label="meter", price=0.5, per="day"),
            FixedFee(label="service", price=2.0, per="day", of="member"),
        ],
        taxes=[Tax(label="VAT", per_cent=20.0)],
    )
    assert world.outside_game == ("meter", "service", "VAT")
    assert world.description().endswith("; outside the game: meter, service, VAT")
    assert world.origin()["outside_game"] == ["meter", "service", "VAT"]
    bills = sg.owen_allocation(world)
    assert bills.evidence.outside_game == world.outside_game
    assert "not in these bills: meter, service, VAT." in bills.evidence.grounds(bills, str)[-1]
    (bill,) = world.bills_alone("flat")
    assert bill.total == pytest.approx((1.20 + 0.5 + 2.0) * 1.2, abs=ROUNDING)


def test_the_fee_of_a_member_is_billed_once_for_its_points():
    fee = FixedFee(label="service", price=2.0, per="day", of="member")
    basic = Contract(name="basic", energy=Tariff.flat(0.3, 0.1), fees=[fee])
    world = PublicGrid(
        points=[
            MeteringPoint(name=name, member="ann", contract="basic", import_kwh=[1.0])
            for name in ("home", "shop")
        ],
        steps=sg.energy.TimeSteps("2024-06-01", np.timedelta64(1, "h"), 1),
        contracts=[basic],
    )
    assert [bill.total for bill in world.bills_alone("ann")] == pytest.approx([2.3, 0.3])
