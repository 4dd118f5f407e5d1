"""Folders of points that are not plain CSV, with what is said of them; and all their faults."""

import json

import numpy as np
import pytest
from fixtures.small_worlds import PUBLIC_GRID, write_public_grid
from fixtures.workbooks import xlsx
from sesgame.cli import main
from sesgame.energy import PublicGrid
from sesgame.energy.folder_reading import read_points_folder
from sesgame.errors import Fault, FaultyFilesError, GameError

STORED = {
    "points.csv": PUBLIC_GRID["points.csv"].replace("kW,2", "kW,1.5") + ",coop,,,,,,\n",
    "meters.csv": PUBLIC_GRID["meters.csv"],
    "contracts.csv": PUBLIC_GRID["contracts.csv"] + "outside,00:00,24:00,0.36,0.04\n",
    "sharing.csv": "fee_eur_per_kwh,storage_contract\n0.03,outside\n",
    "batteries.csv": (
        "owner,energy_kwh,power_kw,charge_efficiency,discharge_efficiency\ncoop,4,2,0.95,0.95\n"
    ),
    "fees.csv": "contract,label,price_eur,per,of,in_game\nbasic,meter,0.5,day,point,yes\n",
    "demand_charges.csv": "contract,price_eur_per_kw,per\nnight,2.5,month\n",
    "taxes.csv": "contract,label,per_cent\n,VAT,7.5\n",
    "holidays.csv": "date,name\n2024-06-01,fair\n",
    "clock.csv": "setting,value\nmeters_zone,Europe/Berlin\ntariff_zone,Europe/Berlin\n",
}
"""Every file that such a folder may have, but for blocks, which nobody may have there."""


def german(text):
    """Return a table as a German spreadsheet saves it, with an empty row at its end."""
    rows = [line.split(",") for line in text.splitlines()]
    lines = [
        ";".join(cell.replace(".", ",") if is_number(cell) else cell for cell in row)
        for row in [*rows, [""] * len(rows[0])]
    ]
    return "\r\n".join(lines) + "\r\n"


def workbook(text):
    """Return a table as a workbook, with numbers as numbers."""
    rows = (line.split(",") for line in text.splitlines())
    return xlsx(sheet=[[float(cell) if is_number(cell) else cell for cell in row] for row in rows])


def is_number(cell):
    return cell.replace(".", "", 1).isdigit()


def write(folder, files):
    folder.mkdir()
    for name, content in files.items():
        content = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def plain(tmp_path):
    world = PublicGrid.from_csv(write(tmp_path / "plain", STORED))
    assert world.batteries
    assert world.outside_game == ("VAT",)
    return world


def assert_same(found, plain):
    """The same bits, of all that the files say and of what coalitions pay."""
    for name in ("members", "steps", "contracts", "batteries", "storage_contract", "own_points"):
        assert getattr(found, name) == getattr(plain, name)
    assert found.points == plain.points
    assert np.array_equal(found.fee_per_kwh, plain.fee_per_kwh)
    assert found.cost_game().tabulate().tolist() == plain.cost_game().tabulate().tolist()


def test_semicolons_and_decimal_commas_are_the_same_world_and_are_told(tmp_path, plain):
    files = {name: german(text) for name, text in STORED.items()}
    found = PublicGrid.from_csv(write(tmp_path / "german", files))
    assert_same(found, plain)
    told = dict(words.split(": ") for words in found.assumed)
    # Each file once, in the order of reading.
    assert list(told) == [words.split(": ")[0] for words in found.assumed]
    assert set(told) == set(STORED)
    both = "semicolons between columns, decimal commas"
    numbers = {name for name, words in told.items() if words == both}
    assert numbers == set(STORED) - {"clock.csv", "holidays.csv"}
    assert told["clock.csv"] == told["holidays.csv"] == "semicolons between columns"


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_workbooks_are_the_same_world_and_are_told(tmp_path, plain, ending):
    pytest.importorskip("python_calamine", reason="workbooks need the extra excel")
    names = {name: name.replace("csv", ending) for name in STORED}
    files = {names[name]: workbook(text) for name, text in STORED.items()}
    found = PublicGrid.from_csv(write(tmp_path / "books", files))
    assert_same(found, plain)
    told = {f'{name}: the sheet "sheet" of a workbook' for name in names.values()}
    assert set(found.assumed) == told
    assert len(found.assumed) == len(told)


def test_what_was_assumed_is_in_headings_and_results(tmp_path, plain):
    files = STORED | {"meters.csv": german(STORED["meters.csv"])}
    found = PublicGrid.from_csv(write(tmp_path / "german", files))
    words = "meters.csv: semicolons between columns, decimal commas"
    assert found.assumed == (words,)
    first, *rest = plain.description().splitlines()
    assert found.description().splitlines() == [first, f"read {words}", *rest]
    assert found.origin() == plain.origin() | {"assumed": [words]}
    assert "assumed" not in plain.origin()
    assert found.period("2024-06-01T06:00").assumed == found.assumed


FAULTY = {
    "points": PUBLIC_GRID["points.csv"]
    .replace("bob,basic", "bob,cheap")
    .replace("kW,2", "MW,2")
    .replace("roof,kWh,1,", "roof,kWh,x,"),
    "meters": PUBLIC_GRID["meters.csv"].replace("07:00,0.0,3.0", "07:00,-,3.0"),
    "sharing": PUBLIC_GRID["sharing.csv"].replace(",same", "east,same"),
}
"""Five faults in three files."""


def test_all_faults_of_a_folder_are_found_at_once(tmp_path):
    folder = write_public_grid(tmp_path / "street", **FAULTY)
    points, meters, sharing = (str(folder / f"{role}.csv") for role in FAULTY)
    found = read_points_folder(folder)
    assert found.world is None
    assert found.faults == (
        Fault('"cheap" is not in contracts.csv, which has basic, night', points, 3, "contract"),
        Fault('"MW" is not kW or kWh', points, 4, "unit"),
        Fault('"x" is not a number', points, 5, "scale"),
        Fault('"-" is not a number', meters, 4, "ann_in"),
        Fault('"east" is no zone of points.csv, which has north, south', sharing, 2, "from_zone"),
    )
    assert found.members == ("ann", "bob", "cid")
    with pytest.raises(FaultyFilesError, match=r'"cheap" is not in .* \(and 4 more faults\)$') as e:
        PublicGrid.from_csv(folder)
    assert e.value.faults == found.faults


def test_check_lists_all_faults_of_points(tmp_path, capsys):
    folder = write_public_grid(tmp_path / "street", **FAULTY)
    assert main(["check", str(folder)]) == 2
    text = capsys.readouterr().out
    assert f"{folder}: 5 faults\n1. " in text
    assert "5. " in text
    assert "6. " not in text
    assert main(["check", str(folder), "--json", "-"]) == 2
    (content,) = json.loads(capsys.readouterr().out)["folders"]
    assert len(content["faults"]) == 5


@pytest.mark.parametrize(
    ("files", "messages"),
    [
        (
            {"grid": "import_limit_kw\n3\n", "tariff": "buy_eur_per_kwh\n0.3\n", "meters": None},
            ["has no meters.csv", "tariff.csv is not read beside", "grid.csv is not read beside"],
        ),
        (
            {
                "fees": "contract,label,price_eur\nday,meter,1\n",
                "taxes": "label,per_cent\nVAT,a\n",
                "sharing": "fee_eur_per_kwh\nb\n",
            },
            ['there is no contract "day"', '"a" is not a number', '"b" is not a number'],
        ),
        (
            # Where contracts are wrong, those of points and the currency of sharing are unknown.
            {"contracts": PUBLIC_GRID["contracts.csv"].replace("0.30", "a")},
            ['contracts.csv, line 2, column "buy_eur_per_kwh": "a" is not a number'],
        ),
        (
            {"sharing": "from_zone,to_zone,fee_eur_per_kwh\nnorth,north,0.1\nsouth,north,0.2\n"},
            ['fee from the zone "north" to "south"', 'fee from the zone "south" to "south"'],
        ),
        (
            {
                "meters": PUBLIC_GRID["meters.csv"]
                .replace("0.2,0.4", "-0.2,")
                .replace("2.0\n", "y\n")
            },
            ["1 reading is missing", '"y" is not a number', "a register's energy is at least 0"],
        ),
        (
            {"batteries": STORED["batteries.csv"].replace("coop", "eve"), "sharing": None},
            ["batteries.csv: say under which contract storage", "eve is not in points.csv"],
        ),
        (
            # Nobody knows whether the contract of storage is in a file that cannot be read.
            {"batteries": STORED["batteries.csv"].replace("coop", "ann"), "sharing": "a,b\n1\n"},
            ["sharing.csv, line 2: 1 cells, but the header has 2"],
        ),
        (
            {
                "points": PUBLIC_GRID["points.csv"].replace("cid,night", "cid,basic"),
                "meters": PUBLIC_GRID["meters.csv"].replace("3.0", "y"),
            },
            ['no point in points.csv has the contract "night"', '"y" is not a number'],
        ),
        (
            {
                "points": PUBLIC_GRID["points.csv"].replace(",unit", ",units"),
                "batteries": STORED["batteries.csv"],
            },
            ['points.csv has no column "unit"', 'column "units" has no meaning here'],
        ),
    ],
)
def test_faults_do_not_hide_one_another_and_none_follows_from_another(tmp_path, files, messages):
    faults = read_points_folder(write_public_grid(tmp_path / "street", **files)).faults
    texts = list(map(str, faults))
    assert len(texts) == len(messages), texts
    for message in messages:
        assert any(message in text for text in texts), texts


def test_a_row_of_units_that_contradicts_is_refused(tmp_path):
    meters = PUBLIC_GRID["meters.csv"].replace("\n2024", "\n,kWh,kWh,kWh,kWh,kWh\n2024", 1)
    with pytest.raises(GameError, match=r'"cid_in" is in kWh there, and points.csv says kW$'):
        PublicGrid.from_csv(write_public_grid(tmp_path / "street", meters=meters))


def test_questions_name_the_columns_of_the_meters_and_the_file_that_lists_them(tmp_path, capsys):
    head, *rows = PUBLIC_GRID["meters.csv"].replace("cid_in", "cid [kWh]").splitlines()
    rows = [f"{row[:-3]}{8000 + number}" for number, row in enumerate(rows)]
    points = PUBLIC_GRID["points.csv"].replace("cid_in", "cid [kWh]")
    folder = write_public_grid(
        tmp_path / "street", meters=german("\n".join([head, *rows])), points=points
    )
    assert main(["check", str(folder)]) == 1
    text = capsys.readouterr().out
    assert "assumed: meters.csv: semicolons between columns, decimal commas" in text
    assert 'cumulative register: meters.csv, "roof", ' in text
    assert (
        'unit: meters.csv, "cid [kWh]": its name says kWh, points.csv says kW. It may be readings '
        "in kWh: write kWh as unit in points.csv" in text
    )
    # The scale of a register is that of its transformer.
    assert "rating" not in text
