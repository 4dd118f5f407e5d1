"""Points that take part with a part of their registers, and fees that are reduced."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from fixtures.small_worlds import write_public_grid
from fixtures.streets import stored, street, varied
from reference.sharing_oracles import exact_costs, least_cost_with_storage
from sesgame.energy import MeteringPoint, PublicGrid
from sesgame.energy.world_files import read_world
from sesgame.errors import GameError

# Sums of some dozens of quarters of eighths of whole numbers are exact.
ROUNDING = 1e-12


def in_part(world):
    """Return a world whose points take part with 0, 1/4, ... of their registers."""
    points = [replace(point, participation=k % 5 / 4) for k, point in enumerate(world.points)]
    return varied(
        world,
        points=points,
        batteries=world.batteries,
        storage_contract=world.storage_contract,
        **({"fee_per_kwh": float(world.fee_per_kwh[0, 0, 0])} if world.batteries else {}),
    )


def outside(world):
    """Return what contracts bill for the rest of the registers, by coalition in binary order."""
    prices = {contract.name: contract.prices(world.steps) for contract in world.contracts}
    of_member = dict.fromkeys(world.members, 0.0)
    for point in world.points:
        buy, sell = prices[point.contract]
        energy = buy * point.import_kwh - sell * point.export_kwh
        of_member[point.member] += (1 - point.participation) * energy.sum()
    return [
        sum(cost for i, cost in enumerate(of_member.values()) if mask >> i & 1)
        for mask in range(1 << len(world.members))
    ]


@pytest.mark.parametrize("zones", [1, 2])
@pytest.mark.parametrize("own_points", ["always", "never"])
def test_the_part_that_takes_part_is_shared_and_contracts_bill_the_rest(zones, own_points):
    world = in_part(street(4, zones=zones, own_points=own_points, crossing=True))
    expected = np.array(outside(world)) + [float(cost) for cost in exact_costs(world)]
    np.testing.assert_allclose(world.cost_game().tabulate(), expected, atol=ROUNDING, rtol=0)
    if own_points == "always":
        bills = sg.owen_allocation(world)
        assert bills.total == pytest.approx(expected[-1], abs=ROUNDING)
        assert sg.audit(world.cost_game(), bills).in_core


def test_storage_meets_the_part_that_takes_part():
    world = in_part(stored(3))
    found = world.cost_game().value(world.members)
    # The program of the reference is solved to 1e-7 at worst.
    expected = outside(world)[-1] + least_cost_with_storage(world, world.members)
    assert found == pytest.approx(expected, abs=1e-7)


def test_a_point_in_two_parts_is_two_points():
    world = street(7)
    half = [replace(point, participation=0.5) for point in world.points]
    twins = [
        replace(
            point,
            name=f"{point.name} {part}",
            participation=part,
            import_kwh=point.import_kwh / 2,
            export_kwh=point.export_kwh / 2,
        )
        for point in world.points
        for part in (0.0, 1.0)
    ]
    found = varied(world, points=half).cost_game().tabulate()
    expected = varied(world, points=twins).cost_game().tabulate()
    np.testing.assert_allclose(found, expected, atol=ROUNDING, rtol=0)


def test_a_reduced_fee_is_what_is_left_of_it():
    world = street(2, zones=2)
    zones = world.zones
    fees = {
        (a, b): world.fee_per_kwh[i, j] for i, a in enumerate(zones) for j, b in enumerate(zones)
    }
    parts = {pair: 0.25 if pair[0] == pair[1] else 0.5 for pair in fees}
    reduced = varied(world, reduction=parts)
    left = {pair: (1 - parts[pair]) * fee for pair, fee in fees.items()}
    plain = varied(world, fee_per_kwh=left)
    np.testing.assert_array_equal(reduced.fee_per_kwh, plain.fee_per_kwh)
    assert reduced.cost_game() == plain.cost_game()
    assert "the fee reduced by 25 to 50 %" in reduced.description()
    assert "the fee reduced" not in plain.description()
    one = varied(world, fee_per_kwh=0.125, reduction=0.5)
    assert np.unique(one.fee_per_kwh).tolist() == [0.0625]
    assert "the fee reduced by 50 %" in one.period(end="2024-06-01T01:00").description()


def files(tmp_path, points=None, sharing=None):
    folder = write_public_grid(tmp_path / "street")
    for name, change in (("points", points), ("sharing", sharing)):
        if change is not None:
            path = folder / f"{name}.csv"
            path.write_text(change(path.read_text()))
    return folder


def with_column(name, *cells):
    """Return the change of a table that adds a column."""

    def change(text):
        head, *rows = text.splitlines()
        filled = [*cells, *[""] * (len(rows) - len(cells))]
        pairs = zip(rows, filled, strict=True)
        return "\n".join([f"{head},{name}", *(f"{row},{cell}" for row, cell in pairs)]) + "\n"

    return change


def test_files_say_parts_and_reductions(tmp_path):
    plain = PublicGrid.from_csv(files(tmp_path))
    folder = files(
        tmp_path, with_column("participation", "0.5"), with_column("reduction", "0.57", "0.57")
    )
    world = read_world(folder)
    assert [point.participation for point in world.points] == [0.5] + [1.0] * (
        len(world.points) - 1
    )
    reduced = world.fee_per_kwh / plain.fee_per_kwh
    assert reduced.min() == pytest.approx(0.43, abs=1e-15)
    assert "1 metering point in part (50 %), and contracts bill the rest" in world.description()


@pytest.mark.parametrize(
    ("points", "sharing", "message"),
    [
        (
            with_column("participation", "1.5"),
            None,
            'points.csv, line 2, column "participation": 1.5 is no part of the registers',
        ),
        (
            None,
            with_column("reduction", "57"),
            'sharing.csv, line 2, column "reduction": 57 is no part of the fee',
        ),
        (None, with_column("reduction", "57 %"), '"57 %" is not a number'),
    ],
)
def test_parts_outside_of_0_1_are_named_with_their_line(tmp_path, points, sharing, message):
    with pytest.raises(GameError, match=message):
        read_world(files(tmp_path, points, sharing))


def test_a_fraction_takes_part_as_a_number():
    point = MeteringPoint(
        name="a", member="a", contract="basic", import_kwh=[1.0], participation=Fraction(1, 4)
    )
    assert point.participation == 0.25
    assert point.shared_import_kwh.dtype == np.float64
