"""The folder of a community on the public grid: what it says counts, or is refused by name."""

import pytest
import sesgame as sg
from fixtures.small_worlds import PUBLIC_GRID, write_public_grid
from reference.sharing_oracles import exact_costs
from sesgame.energy import PublicGrid
from sesgame.energy.world_files import read_world, world_files
from sesgame.errors import GameError

ELEMENTS = {
    "fees": "contract,label,price_eur,per,of,in_game\nbasic,meter,0.5,day,point,yes\n"
    ",service,1.0,day,member,\n",
    "demand_charges": "contract,price_eur_per_kw,per\nnight,2.0,month\n",
    "taxes": "contract,label,per_cent\n,VAT,20\n",
}


def test_a_folder_with_points_is_on_the_public_grid(tmp_path):
    folder = write_public_grid(tmp_path / "street")
    world = read_world(folder)
    assert isinstance(world, PublicGrid)
    assert [path.name for path in world_files(folder)] == list(PUBLIC_GRID)
    assert (world.members, world.currency) == (("ann", "bob", "cid"), "EUR")
    assert world.fee_per_kwh[:, :, 0].tolist() == [[0.03, 0.10], [0.10, 0.03]]
    # In the second hour cid draws 2 kWh at 0.35 and ann feeds in 0.4 in the north.
    assert world.period("2024-06-01T06:00", "2024-06-01T07:00").cost_game().value(
        ["cid"]
    ) == pytest.approx(0.70)
    table = world.cost_game().tabulate()
    assert table.tolist() == pytest.approx([float(cost) for cost in exact_costs(world)], abs=1e-12)
    bills = sg.owen_allocation(world)
    assert sg.audit(world.cost_game(), bills).in_core


def test_every_element_of_the_contracts_counts(tmp_path):
    plain = read_world(write_public_grid(tmp_path / "plain"))
    folder = write_public_grid(tmp_path / "street", **ELEMENTS)
    world = read_world(folder)
    assert {f"{role}.csv" for role in ELEMENTS} < {path.name for path in world_files(folder)}
    more = world.cost_game().tabulate() - plain.cost_game().tabulate()
    # Three points have the basic contract, two of them are ann's; cid's peak is 3 kW.
    ann, bob, cid = 2 * 0.5, 0.5, 3 * 2.0
    assert more.tolist() == pytest.approx(
        [0, ann, bob, ann + bob, cid, ann + cid, bob + cid, ann + bob + cid], abs=1e-12
    )
    assert world.outside_game == ("service", "VAT")
    alone = sum(bill.total for bill in world.bills_alone("ann"))
    in_game = sum(bill.cost for bill in world.bills_alone("ann"))
    assert alone == pytest.approx(1.2 * (in_game + 1.0), abs=1e-12)


def test_a_fee_of_sharing_holds_when_its_file_says(tmp_path):
    text = (
        "from_zone,to_zone,from,to,fee_eur_per_kwh\n,same,,,0.03\n,,22:00,07:00,0.05\n"
        ",,07:00,22:00,0.10\n"
    )
    world = read_world(write_public_grid(tmp_path / "street", sharing=text))
    assert world.fee_per_kwh[0, 1].tolist() == [0.05, 0.05, 0.10, 0.10]
    assert world.fee_per_kwh[0, 0].tolist() == [0.03] * 4
    table = world.cost_game().tabulate()
    assert table.tolist() == pytest.approx([float(cost) for cost in exact_costs(world)], abs=1e-12)


def test_without_fees_sharing_is_free(tmp_path):
    world = read_world(write_public_grid(tmp_path / "street", sharing=None))
    assert not world.fee_per_kwh.any()


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("points", "P2,bob", "P2,", r'points.csv, line 3, column "member": the point "P2" is of n'),
        ("points", "P2,bob,basic", "P2,bob,cheap", r'"cheap" is not in contracts.csv, which has b'),
        ("points", "P2,bob", "P1,bob", r'line 3, column "point": "P1" is there already, in line 2'),
        ("points", ",bob_in,", ",,", r'"P2" has neither an import nor an export register'),
        (
            "points",
            "ann_in,ann_out",
            "ann_in,ann_in",
            r'line 2, column "export": "ann_in" is the im',
        ),
        (
            "points",
            "roof",
            "ann_out",
            r'"ann_out" is an export register of "ann" already, in line 2',
        ),
        ("points", "south\nP4", "same\nP4", r'a zone of points.csv has the name "same", which'),
        ("points", "bob_in", "bobs", r'meters.csv has no column "bobs"'),
        ("points", "bob_in", "ann_in", r'column "bob_in" belongs to no point in points.csv'),
        ("points", "kW,", "MW,", r'line 4, column "unit": "MW" is not kW or kWh'),
        ("points", "cid,night", "cid,basic", r'no point in points.csv has the contract "night"'),
        ("meters", "roof", "roofs", r'meters.csv has no column "roof"'),
        ("meters", "0.2,0.4", "-0.2,0.4", r"points.csv, line 2, .* a register\'s energy is at le"),
        ("sharing", ",same", ",east", r'line 2, column "to_zone": "east" is no zone of points.c'),
        ("sharing", "fee_eur", "fee_chf", r'"fee_chf_per_kwh", but contracts are in EUR'),
        ("sharing", ",,0.10,", "north,south,0.10,", r'no fee from the zone "south" to "north"'),
        ("sharing", "0.10,always", "0.10,never", r'"never", but the first row says "always"'),
        (
            "sharing",
            "always\n,,0.10,always",
            "maybe\n,,0.10,maybe",
            r'"maybe" is not always, with_others, never',
        ),
        ("points", "P4,ann", ",ann", r'line 5, column "point": the cell is empty; it must be'),
        ("sharing", ",same", ",", r"line 3, .*between these zones is there already, in line 2"),
        ("contracts", "0.05\nnight", "dear\nnight", r'contracts.csv, line 3, column "sell_eur'),
        ("contracts", "22:00,06:00", "22:00,05:00", r"contracts.csv, from line 3: .* has no price"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_line(tmp_path, file, old, new, message):
    text = PUBLIC_GRID[f"{file}.csv"]
    assert old in text
    folder = write_public_grid(tmp_path / "street", **{file: text.replace(old, new, 1)})
    with pytest.raises(GameError, match=message):
        read_world(folder)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"blocks": "contract,above_kwh,surcharge_eur_per_kwh\nnight,100,0.1\n"},
            r"points.csv, line 4, column \"contract\": .*'night' of the point 'P3' has blocks",
        ),
        (
            {"fees": "contract,label,price_eur\nday,meter,1\n"},
            r'line 2, .* there is no contract "d',
        ),
        (
            {"members": "member\nann\n"},
            r"members.csv is not read beside points.csv: points",
        ),
        (
            {"tariff": "buy_eur_per_kwh\n0.3\n"},
            r"tariff.csv is not read beside points.csv: each",
        ),
        ({"grid": "import_limit_kw\n3\n"}, r"grid.csv is not read beside points.csv: limits"),
        ({"controller": "controller\nnone\n"}, r"controller.csv is not read beside points.csv"),
        ({"storage_offers": "name\nbig\n"}, r"storage_offers.csv is not read beside points.csv"),
        (
            {"sharing": "fee_eur_per_kwh,from,to\n0.1,06:00,22:00\n"},
            r"sharing.csv, from line 2: the tariff has no price",
        ),
    ],
)
def test_what_is_not_read_is_refused(tmp_path, files, message):
    folder = write_public_grid(tmp_path / "street", **files)
    with pytest.raises(GameError, match=message):
        read_world(folder)
