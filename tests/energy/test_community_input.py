"""Files of communities with every mistake we could think of: each gets an error that says what."""

import gzip
import re

import pytest
import sesgame as sg
from fixtures.small_community import FILES, edited, write_community
from sesgame.errors import GameError


def series(*rows):
    return {"tariff": "\n".join(["time,buy_eur_per_kwh,sell_eur_per_kwh", *rows]) + "\n"}


def bands(*rows):
    return {"tariff": "\n".join(["from,to,days,buy_eur_per_kwh,sell_eur_per_kwh", *rows]) + "\n"}


MISTAKES = [
    # Time
    pytest.param(
        edited("meters", "2016-06-01T12:00,1.5,2.5,0.75\n", ""),
        "after 2016-06-01T11:00 the next time is 2016-06-01T13:00: steps are missing",
        id="a missing step",
    ),
    pytest.param(
        edited("meters", "T12:00", "T11:00"),
        "duplicate time 2016-06-01T11:00",
        id="a duplicated step",
    ),
    pytest.param(
        edited("meters", "T12:00", "T12:10"),
        "after 2016-06-01T11:00 the next time is 2016-06-01T12:10: the steps are irregular",
        id="an irregular step",
    ),
    pytest.param(
        edited("meters", "T12:00", "T09:00"),
        "2016-06-01T09:00 comes after 2016-06-01T11:00: times must be in order",
        id="times out of order",
    ),
    pytest.param(
        edited("meters", "T11:00", "T11:00+02:00"),
        r"meters.csv: 2016-06-01T11:00\+02:00 carries an offset .* 2016-06-01T10:00 does not",
        id="a time zone",
    ),
    pytest.param(
        edited("meters", "2016-06-01T11:00", "01.06.2016 11:00"),
        r'line 3, column "time": "01.06.2016 11:00" is not a time like',
        id="a German date",
    ),
    pytest.param(
        edited("meters", "2016-06-01T11:00", "2016-06-31T11:00"),
        "2016-06-31T11:00.* is not a time that exists",
        id="the 31st of June",
    ),
    pytest.param(
        {"meters": "time,ann_load,bob_load,roof\n2016-06-01T10:00,1,2,0.5\n"},
        "at least two",
        id="a single step",
    ),
    # Meters and members
    pytest.param(
        edited("members", "bob,load,bob_load,kWh,1\n", "bob,,,,\n"),
        'the meter column "bob_load" belongs to no member',
        id="a meter column without a member",
    ),
    pytest.param(
        edited("members", "bob_load", "bobs_load"),
        'meters.csv has no column "bobs_load"',
        id="a meter that is not there",
    ),
    pytest.param(
        edited("meters", "11:00,1.0", "11:00,"),
        r'meters.csv: 1 reading is missing: 1 in "ann_load" \(line 3, 2016-06-01T11:00\)',
        id="an empty reading",
    ),
    pytest.param(
        edited("meters", "11:00,1.0", "11:00,nan"),
        r'line 3, column "ann_load": nan is not a finite number',
        id="a NaN",
    ),
    pytest.param(
        edited("meters", "11:00,1.0", "11:00,1kWh"),
        r'line 3, column "ann_load": "1kWh" is not a number',
        id="a unit in the number",
    ),
    pytest.param(
        edited("meters", "11:00,1.0", '11:00,"1,0"'),
        '"1,0" is not a number',
        id="a decimal comma",
    ),
    pytest.param(
        edited("meters", "11:00,1.0,2.0", "11:00,1,0,2.0"),
        "line 3: 5 cells, but the header has 4",
        id="a row that is too long",
    ),
    pytest.param(
        edited("meters", "bob_load,roof", "ann_load,roof"),
        'duplicate column "ann_load"',
        id="a column twice",
    ),
    pytest.param(
        edited("members", "ann,pv,roof,kW,4\n", "ann,pv,roof,kW,-4\n"),
        "the PV of 'ann' adds up to -9 kWh; what PV generates is positive",
        id="PV as a negative number",
    ),
    pytest.param(edited("members", "kWh", "Wh"), '"Wh" is not kW or kWh', id="an unknown unit"),
    pytest.param(
        edited("members", "load", "lod"), '"lod" is not load, pv or battery', id="an unknown kind"
    ),
    pytest.param(
        edited("members", "ann,load", ",load"),
        r'members.csv, line 2, column "member": the cell is empty',
        id="a member without a name",
    ),
    pytest.param(
        edited("members", "operator,,,,\n", "ann,load,ann_load,kWh,1\n"),
        "ann has the load meter ann_load twice",
        id="a meter twice",
    ),
    pytest.param(
        edited("members", "operator,,,,\n", "bob,,,,\n"),
        "the member bob has meters in other rows",
        id="a member with and without meters",
    ),
    pytest.param(
        edited("members", ",scale", ",sclae"),
        'the column "sclae" has no meaning here',
        id="a misspelt column",
    ),
    pytest.param({"members": ""}, "members.csv is empty", id="an empty file"),
    pytest.param({"meters": None}, r"has no meters.csv \(or meters.csv.gz\)", id="no meters"),
    # Batteries
    pytest.param(
        edited("batteries", "operator,", ","),
        "batteries.csv, line 2: owner of the battery of 2.0 kWh must be a member",
        id="a battery that nobody owns",
    ),
    pytest.param(
        edited("batteries", "operator,", "eve,"),
        "eve is not in members.csv; list an operator there",
        id="an owner who is not a member",
    ),
    pytest.param(
        edited("batteries", ",2,1,", ",-2,1,"),
        "energy_kwh must be non-negative, got -2.0",
        id="negative capacity",
    ),
    pytest.param(
        edited("batteries", ",2,1,", ",2,-1,"),
        "power_kw must be non-negative, got -1.0",
        id="negative power",
    ),
    pytest.param(
        edited("batteries", ",1,1\n", ",0,1\n"),
        r"charge_efficiency must be in \(0, 1\], got 0.0",
        id="efficiency 0",
    ),
    pytest.param(
        edited("batteries", ",1,1\n", ",1,95\n"),
        r"discharge_efficiency must be in \(0, 1\], got 95.0",
        id="efficiency in per cent",
    ),
    pytest.param(
        {
            "batteries": FILES["batteries.csv"]
            .replace("efficiency\n", "efficiency,initial_charge_kwh\n")
            .replace(",1,1\n", ",1,1,3\n")
        },
        "initial_charge_kwh must be at most energy_kwh, 2.0, got 3.0",
        id="fuller than full",
    ),
    # Tariff
    pytest.param(
        {"tariff": "buy_eur_per_kwh,sell_eur_per_kwh\n0.05,0.10\n"},
        "at 2016-06-01T10:00 energy is bought for 0.05 and sold for 0.1 EUR per kWh",
        id="buy below sell",
    ),
    pytest.param(
        series(
            "2016-06-01T10:00,0.3,0.1",
            "2016-06-01T11:00,0.3,0.1",
            "2016-06-01T12:00,0.0999,0.1",
            "2016-06-01T13:00,0.3,0.1",
        ),
        "at 2016-06-01T12:00 energy is bought for 0.0999",
        id="buy below sell at one step",
    ),
    pytest.param(
        series("2016-06-01T10:00,0.3,0.1", "2016-06-01T11:00,0.3,0.1"),
        "the prices cover 2016-06-01T10:00 to 2016-06-01T12:00, but the meters",
        id="prices that end too early",
    ),
    pytest.param(
        series(*(f"2016-06-01T{h}:{m},0.3,0.1" for h in (10, 11, 12, 13) for m in ("00", "30"))),
        "the price may change within the step of 60 minutes from 2016-06-01T10:00",
        id="prices finer than the meters",
    ),
    pytest.param(bands("06:00,22:00,,0.3,0.1"), "no price on mon at 00:00", id="no price at night"),
    pytest.param(
        bands("06:00,22:00,,0.3,0.1", "21:00,06:00,,0.2,0.1"),
        "more than one price on mon at 21:00",
        id="two prices at once",
    ),
    pytest.param(bands("06:00,25:00,,0.3,0.1"), '"25:00" is not a clock time', id="25 o'clock"),
    pytest.param(
        bands("00:00,24:00,Mo-Fr,0.3,0.1"), '"Mo-Fr" is not days like', id="German weekdays"
    ),
    pytest.param(
        {"tariff": "buy_eur_per_kwh,sell_eur_per_kwh\n0.3,0.1\n0.2,0.1\n"},
        "2 rows of prices but does not say when they hold",
        id="prices without times",
    ),
    pytest.param(
        {"tariff": "buy,sell\n0.3,0.1\n"},
        'no column for the buy price with its currency, such as "buy_eur_per_kwh"',
        id="no currency",
    ),
    pytest.param(
        {"tariff": "buy_eur_per_kwh,sell_chf_per_kwh\n0.3,0.1\n"},
        'no column "sell_eur_per_kwh"',
        id="two currencies",
    ),
]


@pytest.mark.parametrize(("changes", "message"), MISTAKES)
def test_a_mistake_in_the_files_is_named(tmp_path, changes, message):
    folder = write_community(tmp_path, **changes)
    with pytest.raises(GameError, match=message) as caught:
        sg.energy.Community.from_csv(folder)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(GameError, match=re.escape(f"no such folder: {tmp_path / 'x'}")):
        sg.energy.Community.from_csv(tmp_path / "x")


def test_a_file_that_is_there_plain_and_compressed_is_ambiguous(tmp_path):
    folder = write_community(tmp_path)
    (folder / "meters.csv.gz").write_bytes(gzip.compress(b"time\n"))
    with pytest.raises(GameError, match=r"both meters.csv and meters.csv.gz"):
        sg.energy.Community.from_csv(folder)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\x1f\x8b\x08not gzip after all", id="broken gzip"),
        pytest.param(gzip.compress(b"time,x\n1,2\n")[:-9], id="cut off"),
        pytest.param(gzip.compress(b"time,x\n")[:12] + b"\xff" * 9, id="a damaged block"),
        pytest.param(gzip.compress(b"z\x81hler\n1\n"), id="not UTF-8"),
        pytest.param(gzip.compress(b'time,x\n"1,2\n'), id="an open quote"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, content):
    folder = write_community(tmp_path, meters=None)
    (folder / "meters.csv.gz").write_bytes(content)
    with pytest.raises(GameError, match=r"meters.csv.gz cannot be read as a CSV file"):
        sg.energy.Community.from_csv(folder)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        pytest.param("2016-06-01T12:00", "2016-06-01T12:00", "is empty", id="no length"),
        pytest.param("2016-06-01T13:00", "2016-06-01T11:00", "is empty", id="end before start"),
        pytest.param("2016-05-01", "2016-06-02", "reaches beyond the data", id="beyond the data"),
        pytest.param("2016-06-01T10:10", "2016-06-01T10:50", "no step starts", id="within a step"),
        pytest.param("June", None, '"June" is not a time', id="not a time"),
    ],
)
def test_a_period_without_data_is_refused(tmp_path, start, end, message):
    community = sg.energy.Community.from_csv(write_community(tmp_path))
    with pytest.raises(GameError, match=message):
        community.cost_game(start=start, end=end)


def test_batteries_of_different_efficiency_are_named(tmp_path):
    batteries = FILES["batteries.csv"] + "ann,2,1,0.9,1\n"
    community = sg.energy.Community.from_csv(write_community(tmp_path, batteries=batteries))
    with pytest.raises(GameError, match="does not support batteries of different efficiencies"):
        community.cost_game(model="battery")
    with pytest.raises(GameError, match="the batteries of operator and ann have different"):
        sg.energy.Pool.of(community.batteries, community.members)
    assert community.dispatch().model == community.default_model == "linear"
    assert community.cost_game(model="netting").n_players == 3


def test_an_unknown_model_is_refused(tmp_path):
    community = sg.energy.Community.from_csv(write_community(tmp_path))
    with pytest.raises(
        GameError,
        match='"battery", "netting", "merged", "linear", "contract", "as-it-ran" or "re-run"',
    ):
        community.cost_game(model="milp")


def test_all_gaps_of_the_meters_are_named(tmp_path):
    gaps = edited(
        "meters",
        "2016-06-01T11:00,1.0,2.0,1.00\n2016-06-01T12:00,1.5,2.5,0.75",
        "2016-06-01T11:00,,2.0,\n2016-06-01T12:00, ,2.5,0.75",
    )
    message = (
        r'3 readings are missing: 2 in "ann_load" \(line 3, 2016-06-01T11:00, to line 4, '
        r'2016-06-01T12:00\), 1 in "roof" \(line 3, 2016-06-01T11:00\)'
    )
    with pytest.raises(GameError, match=message):
        sg.energy.Community.from_csv(write_community(tmp_path, **gaps))


def test_a_meter_that_hums_while_nothing_is_generated_is_no_load():
    def community(pv):
        return sg.energy.Community(
            members=["ann", "bob"],
            steps=["2024-12-01", "2024-12-02"],
            load_kwh=[[9.0, 8.0], [5.0, 5.0]],
            pv_kwh=[pv, [0.0, 0.0]],
            tariff=sg.energy.Tariff.flat(0.3, 0.1),
        )

    assert community([-0.012, 0.002]).pv_kwh.sum() == pytest.approx(-0.01)
    with pytest.raises(GameError, match=r"the PV of 'ann' adds up to -0.02 kWh; .* of scale in"):
        community([-0.02, 0.0])


def shared_batteries(tmp_path, rows, columns="owner"):
    numbers = "energy_kwh,power_kw,charge_efficiency,discharge_efficiency,initial_charge_kwh"
    folder = write_community(tmp_path, batteries=f"{columns},{numbers}\n{rows}\n")
    return sg.energy.Community.from_csv(folder)


def test_batteries_are_owned_in_parts(tmp_path):
    tail = "6,3,0.9,1,1.5"
    every = shared_batteries(tmp_path, f"all,{tail}").batteries
    assert [
        (part.owner, part.energy_kwh, part.power_kw, part.initial_charge_kwh) for part in every
    ] == [(member, 2.0, 1.0, 0.5) for member in ("ann", "bob", "operator")]
    rows = f"shed,ann,0.75,{tail}\nshed,bob,0.25,{tail}\n,operator,,{tail}"
    several = shared_batteries(tmp_path, rows, "battery,owner,share").batteries
    assert [(part.owner, part.energy_kwh) for part in several] == [
        ("ann", 4.5),
        ("bob", 1.5),
        ("operator", 6.0),
    ]
    # All owners together have the whole of it.
    halves = shared_batteries(tmp_path, f"ann;bob,{tail}")
    whole = shared_batteries(tmp_path, f"ann,{tail}")
    both = ["ann", "bob", "operator"]
    assert halves.cost_game().value(both) == pytest.approx(whole.cost_game().value(both), abs=1e-12)
    assert halves.cost_game().value(["ann"]) > whole.cost_game().value(["ann"])


@pytest.mark.parametrize(
    ("columns", "rows", "message"),
    [
        ("owner", "ann;eve,6,3,0.9,1,0", 'line 2, column "owner": eve is not in members.csv'),
        ("owner", "ann;ann,6,3,0.9,1,0", "line 2, .*ann owns a part of this battery already"),
        (
            "owner,share",
            "ann,0.5,6,3,0.9,1,0",
            'line 2, column "share": a share is of a battery that',
        ),
        (
            "battery,owner,share",
            "x,ann,0.5,6,3,0.9,1,0",
            "line 2: the shares .* add up to 0.5, not 1",
        ),
        (
            "battery,owner,share",
            "x,ann,0.5,6,3,0.9,1,0\nx,bob,0.5,6,4,0.9,1,0",
            'line 3, column "battery": x has other numbers than in line 2',
        ),
        ("battery,owner,share", "x,ann;bob,0.5,6,3,0.9,1,0", "a share is of one owner"),
        (
            "battery,owner,share",
            "x,ann,-1,6,3,0.9,1,0",
            r"the share of 'ann' .* in \(0, 1\], got -1",
        ),
    ],
)
def test_parts_of_a_battery_that_cannot_be_are_named(tmp_path, columns, rows, message):
    with pytest.raises(GameError, match=message):
        shared_batteries(tmp_path, rows, columns)
