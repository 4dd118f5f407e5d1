"""Storage that shares over the public grid: costs by a linear program, bills in the core, files."""

from dataclasses import replace

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from fixtures.small_worlds import PUBLIC_GRID, write_public_grid
from fixtures.streets import stored, varied
from hypothesis import strategies as st
from reference.sharing_oracles import least_cost_with_storage
from sesgame.energy import Battery, Contract, DemandCharge, PublicGrid, Tariff
from sesgame.energy.world_files import read_world
from sesgame.errors import GameError

SEEDS = st.integers(0, 100_000)

# The linear program is solved to 1e-7 at worst, of money that is some dozens.
TOLERANCE = 1e-6


def check_storage(world):
    """Check costs of all coalitions, and bills."""
    game, members = world.cost_game(), world.members
    table = game.tabulate()
    for mask in range(1, len(table)):
        coalition = [member for i, member in enumerate(members) if mask >> i & 1]
        expected = least_cost_with_storage(world, coalition)
        assert table[mask] == pytest.approx(expected, abs=TOLERANCE)
    bills = sg.owen_allocation(world, progress=False)
    assert bills.values.sum() == pytest.approx(table[-1], abs=TOLERANCE)
    assert sg.audit(game, bills).in_core
    assert (bills.evidence.lowest <= bills.values).all()
    assert (bills.values <= bills.evidence.highest).all()
    return bills


@drawn(4, 40, SEEDS)
def test_costs_and_bills_are_those_of_a_linear_program(seed):
    check_storage(stored(seed))


def test_storage_of_nobody_here_changes_nothing():
    world = stored(1)
    owners = {battery.owner for battery in world.batteries}
    others = [member for member in world.members if member not in owners]
    bare = varied(world, contracts=world.contracts[:-1])
    assert others
    # The same sums, by another engine.
    assert world.cost_game().value(others) == pytest.approx(
        bare.cost_game().value(others), abs=1e-12
    )


def test_a_period_has_the_same_storage():
    world = stored(4)
    part = world.period("2024-06-01T01:00", "2024-06-01T04:00")
    assert part.batteries == world.batteries
    check_storage(part)


def test_what_storage_does_is_said():
    world = stored(10)
    bills = sg.owen_allocation(world, progress=False)
    found = bills.evidence
    (one, *_), hours = world.batteries, world.steps.step_hours
    power = sum(battery.power_kw for battery in world.batteries) * hours
    assert 0 < found.charge_kwh.max() <= power + 1e-12
    change = found.charge_kwh * one.charge_efficiency
    change -= found.discharge_kwh / one.discharge_efficiency
    np.testing.assert_allclose(np.diff(found.state_of_charge_kwh), change, atol=1e-12, rtol=0)
    assert "dispatched with foresight" in world.description()
    assert any("one who knew all readings" in line for line in found.grounds(bills, str))


def test_storage_that_cannot_be_dispatched_is_refused_by_name():
    world = stored(3)
    one, *_ = world.batteries
    basic = world.contracts[0].name
    unlike = Battery(
        owner=one.owner, energy_kwh=1, power_kw=9, charge_efficiency=1, discharge_efficiency=1
    )
    stranger = Battery(
        owner="eve", energy_kwh=1, power_kw=1, charge_efficiency=1, discharge_efficiency=1
    )
    charged = Contract(
        name="storage",
        energy=Tariff.flat(3.0, 0.0),
        demand_charges=[DemandCharge(price_per_kw=1.0)],
    )
    below_zero = Contract(name="storage", energy=Tariff.flat(3.0, -1.0))
    for change, message in [
        ({"storage_contract": None}, "there are batteries, but no storage_contract under which"),
        ({"batteries": ()}, "storage_contract is 'storage', but there is no battery"),
        ({"storage_contract": "none"}, "storage_contract is 'none'; it must be one of"),
        ({"storage_contract": basic, "contracts": world.contracts[:-1]}, "trade between contracts"),
        ({"batteries": [*world.batteries, unlike]}, "differ in efficiency, wear, hours of power"),
        ({"batteries": [stranger]}, "the owner of a battery, 'eve', is not a member"),
        ({"contracts": [*world.contracts[:-1], charged]}, "has a demand charge or a fee in the"),
        ({"contracts": [*world.contracts[:-1], below_zero]}, "in step 0 a price is negative"),
        ({"own_points": "never"}, "own_points must be \"always\", got 'never'"),
        ({"fee_per_kwh": -0.1}, "one fee, at least 0, between all zones and in all steps"),
        ({"fee_per_kwh": np.arange(5) / 10}, "one fee, at least 0, between all zones and in al"),
        ({"batteries": ["big"]}, r"batteries must be a list of Battery, got list \['big'\]"),
        ({"batteries": [replace(one, valid_from="2024-06-02")]}, "not there in all steps: on the"),
    ]:
        given = {"batteries": world.batteries, "storage_contract": "storage"}
        with pytest.raises(GameError, match=message):
            varied(world, **(given | change))


FILES = {
    "points": PUBLIC_GRID["points.csv"] + ",coop,,,,,,\n",
    "contracts": PUBLIC_GRID["contracts.csv"] + "outside,00:00,24:00,0.36,0.04\n",
    "sharing": "fee_eur_per_kwh,storage_contract\n0.03,outside\n",
    "batteries": (
        "owner,energy_kwh,power_kw,charge_efficiency,discharge_efficiency\ncoop;ann,4,2,0.95,0.95\n"
    ),
}


def test_a_folder_with_storage_is_read(tmp_path):
    world = read_world(write_public_grid(tmp_path / "street", **FILES))
    assert isinstance(world, PublicGrid)
    assert world.members == ("ann", "bob", "cid", "coop")
    assert [battery.owner for battery in world.batteries] == ["coop", "ann"]
    bills = check_storage(world)
    assert bills["coop"] < 0 == world.cost_game().value(["coop"])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"sharing": "fee_eur_per_kwh\n0.03\n", "contracts": None}, "say under which contract"),
        ({"batteries": FILES["batteries"].replace("ann", "eve")}, "eve is not in points.csv; list"),
        ({"points": PUBLIC_GRID["points.csv"] + ",,,,,,,\n"}, "coop is not in points.csv; list"),
        ({"batteries": None}, "storage_contract is 'outside', but there is no battery"),
        (
            {"sharing": "fee_eur_per_kwh,storage_contract\n0.03,away\n", "contracts": None},
            "storage_contract is 'away'; it must be one of",
        ),
    ],
)
def test_what_is_wrong_with_storage_in_a_folder_is_named(tmp_path, files, message):
    given = FILES | files
    if given["contracts"] is None:
        del given["contracts"]
    with pytest.raises(GameError, match=message):
        read_world(write_public_grid(tmp_path / "street", **given))
