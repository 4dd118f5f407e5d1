"""Frames of meters: numbers only, labels of any type, times as index or column, other libraries."""

import numpy as np
import pytest
import sesgame as sg
from sesgame.energy import Battery, Grid, Line, Tariff
from sesgame.errors import CoalitionError, GameError

pd = pytest.importorskip("pandas")
HOURS = pd.date_range("2024-06-01", periods=4, freq="h")
LOAD = pd.DataFrame({"ann": 1.0, "bob": 2.0}, index=HOURS)


def community(load=LOAD, pv=None, **options):
    return sg.energy.Community.from_frames(
        load, pv, unit="kWh", tariff=Tariff.flat(0.3, 0.1), **options
    )


def battery(owner):
    sizes = {"energy_kwh": 2.0, "power_kw": 2.0}
    return Battery(owner=owner, charge_efficiency=0.9, discharge_efficiency=0.9, **sizes)


def test_labels_keep_their_type_everywhere():
    load = LOAD.set_axis([0, "0"], axis=1)
    here = community(
        load,
        pd.DataFrame({0: 1.5}, index=HOURS),
        batteries=[battery(0)],
        grid=Grid(
            connection_limits_kw={0: 50.0, "0": 60.0},
            lines=[Line(name="trunk", members=[0, "0"], limit_kw=90.0)],
        ),
    )
    assert here.members == (0, "0")
    game = here.cost_game()
    assert list(game.players) == [0, "0"]
    assert game.value([0]) == pytest.approx(-0.1 * 0.5 * 4)
    assert game.value(["0"]) == pytest.approx(0.3 * 2 * 4)
    assert here.by_member("storage") == {0: 2.0, "0": 0.0}
    assert here.dispatch([0]).members == (0,)
    assert sg.shapley_value(here).players == game.players
    with pytest.raises(CoalitionError, match="unknown player 1"):
        game.value([1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batteries": [battery("1")]}, r"owned by '1', who is not a member \(the member 1 is int"),
        ({"grid": Grid(connection_limits_kw={"1": 5.0})}, "a connection limit names '1'"),
        ({"members": ["1", 2]}, "the meter column 1 belongs to no member; the member is str '1'"),
    ],
)
def test_labels_of_another_type_are_of_somebody_else(options, message):
    with pytest.raises(GameError, match=message):
        community(LOAD.set_axis([1, 2], axis=1), **options)


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (HOURS, "its type is datetime64"),
        (HOURS.tz_localize("UTC"), "its type is datetime64.*UTC"),
        (pd.to_timedelta([15] * 4, unit="min"), "its type is timedelta64"),
        (pd.period_range("2024-06", periods=4, freq="M"), "its type is period"),
        ([True, False, True, True], "its type is bool"),
        (pd.array([True, None, True, True], dtype="boolean"), "its type is boolean"),
        (["0,6", "2", "3", "4"], "it begins with '0,6'"),
        ([1.0, "2", 3.0, None], "it begins with 1.0"),
        (pd.Categorical([1, 2, 3, 4]), "its type is category"),
        ([1j, 2, 3, 4], "its type is complex"),
    ],
)
@pytest.mark.parametrize("members", [None, ["x", "ann", "bob"], ["ann", "bob"]])
def test_a_column_that_is_not_numbers_is_refused_by_name(column, found, members):
    load = LOAD.assign(x=column)
    with pytest.raises(GameError, match=f"the meter column 'x' is not numbers: {found}"):
        community(load, members=members)


@pytest.mark.parametrize("kind", ["int64", "float32", "Int32", "Float64", "uint8"])
def test_numbers_of_every_type_are_readings(kind):
    assert community(LOAD.astype(kind)).load_kwh.tolist() == [[1.0] * 4, [2.0] * 4]


def test_a_missing_reading_is_named():
    load = LOAD.astype({"ann": "Float64"})
    load.iloc[2, 0] = None
    with pytest.raises(GameError, match="load_kwh of 'ann' is nan at 2024-06-01T02:00"):
        community(load)


def test_levels_of_columns_are_refused_by_name():
    columns = pd.MultiIndex.from_product([["ann", "bob"], ["GC", "CL"]])
    load = pd.DataFrame(1.0, index=HOURS, columns=columns)
    with pytest.raises(GameError, match=r"columns of load have 2 levels: \('ann', 'GC'\)"):
        community(load)
    assert community(load.xs("GC", axis=1, level=1)).members == ("ann", "bob")


def test_a_series_is_the_meter_of_the_member_whose_name_it_has():
    assert community(LOAD["ann"]).members == ("ann",)
    with pytest.raises(GameError, match=r"load is a Series without a name; load\.to_frame"):
        community(LOAD["ann"].rename(None))


def test_times_in_one_column_are_the_steps_where_the_index_is_row_numbers():
    assert community(LOAD.rename_axis("time").reset_index()) == community()
    stamped = LOAD.reset_index(drop=True).assign(start=HOURS, end=HOURS + HOURS.freq)
    with pytest.raises(GameError, match="the index of load is numbers, not times"):
        community(stamped)
    with pytest.raises(GameError, match="the index of load is numbers, not times"):
        community(LOAD.reset_index(drop=True))


def test_periods_start_the_steps():
    periods = pd.period_range("2024-06-01", periods=4, freq="h")
    assert community(LOAD.set_axis(periods)) == community()


@pytest.mark.parametrize("given", [None, 3, "meters.csv", [[1.0]], {"ann": [1.0]}, np.ones((4, 2))])
def test_what_is_no_frame_is_refused(given):
    with pytest.raises(GameError, match="load must be a DataFrame"):
        community(given)


def test_a_frame_of_polars_has_its_times_in_a_column():
    polars = pytest.importorskip("polars")
    load = polars.DataFrame({"time": list(HOURS.to_pydatetime()), "ann": [1.0] * 4, "bob": [2] * 4})
    assert community(load) == community()
    game = sg.Game.from_pandas(
        polars.DataFrame({"coalition": ["a", "b", "a+b"], "gain": [1, 2, 4]})
    )
    assert game == sg.Game.from_table([0.0, 1, 2, 4], ["a", "b"], kind="gain")


@pytest.mark.parametrize("dims", [["time", "member"], ["member", "time"]])
def test_an_array_of_xarray_has_a_dimension_of_times(dims):
    xarray = pytest.importorskip("xarray")
    coords = {"time": HOURS, "member": ["ann", "bob"]}
    load = xarray.DataArray(LOAD.to_numpy(), coords, ["time", "member"]).transpose(*dims)
    assert community(load) == community()
