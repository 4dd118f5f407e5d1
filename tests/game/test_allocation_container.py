"""An allocation is read like a mapping, like an array, and from what it wrote."""

import json

import numpy as np
import pytest
import sesgame as sg
from sesgame.errors import AllocationError, CoalitionError

SHARES = {"ann": 30.0, "bob": 20.5}


@pytest.fixture
def bills():
    return sg.Allocation(["ann", "bob"], [30.0, 20.5], kind="cost", method="given")


def test_it_is_read_like_a_mapping(bills):
    assert dict(bills) == SHARES
    assert list(bills) == list(bills.keys()) == ["ann", "bob"]
    assert list(bills.items()) == list(SHARES.items())
    assert {**bills} == SHARES
    assert len(bills) == len(bills.items()) == 2
    assert "ann" in bills
    assert "eve" not in bills
    assert ["ann"] not in bills
    assert bills["bob"] == 20.5
    assert isinstance(bills.values, np.ndarray)


def test_the_share_of_nobody_names_who_that_is(bills):
    with pytest.raises(CoalitionError, match=r"unknown player 'eve'; the players are 'ann', 'bob'"):
        bills["eve"]


def test_it_is_read_like_an_array(bills):
    assert np.asarray(bills).tolist() == [30.0, 20.5]
    assert np.array(bills, dtype=np.float32).dtype == np.float32
    own = np.array(bills)
    own[0] = 0.0
    assert bills["ann"] == 30.0
    assert float(np.sum(bills)) == 50.5


def test_players_shares_kind_and_rule_make_it_equal(bills):
    game = sg.Game.from_table([0.0, 40, 30, 50], ["ann", "bob"], kind="cost")
    share = sg.shapley_value(game)
    assert share == sg.shapley_value(game)
    copied = sg.Allocation(share.players, share.values, share.kind, share.method)
    assert share != copied
    assert bills == sg.Allocation(["ann", "bob"], [30, 20.5], "cost", "another method", 1e-3)
    assert bills != sg.Allocation(["bob", "ann"], [20.5, 30.0], "cost", "given")
    assert bills != sg.Allocation(["ann", "bob"], [30.0, 20.5], "gain", "given")
    with pytest.raises(TypeError, match="unhashable"):
        hash(bills)


def test_it_comes_back_from_what_it_wrote(bills):
    assert sg.Allocation.from_dict(bills.to_dict()) == bills
    assert sg.Allocation.from_dict(json.loads(bills.to_json())) == bills
    assert sg.Allocation.from_dict(dict(bills), kind="cost") == bills
    exact = sg.nucleolus(sg.games.airport([1, 2, 4]), exact=True)
    back = sg.Allocation.from_dict(json.loads(exact.to_json()))
    assert back.exact == exact.exact
    assert back.method == exact.method
    assert back.tolerance == exact.tolerance
    assert back.rule is None  # nobody has proved it


@pytest.mark.parametrize(
    ("shares", "kind", "message"),
    [
        ({"ann": 1.0}, None, 'kind must be "gain" or "cost", got None'),
        ({"ann": "1"}, "cost", r"player 'ann' gets '1' \(str\)"),
        ({"ann": None}, "cost", r"player 'ann' gets None"),
        ({"ann": float("nan")}, "cost", "player 'ann' gets nan"),
        ({}, "cost", "at least one player"),
        ([1.0], "cost", r"not from list \[1\.0\]"),
        ({"values": {"ann": 1.0}, "kind": "gain"}, "cost", "of a gain game"),
        ({"values": {"ann": 1.0}, "kind": "gain", "sum": 1}, None, "no 'sum'"),
        ({"values": {"ann": 1.0}, "kind": "gain", "exact": ["x"]}, None, "exact"),
        ({"values": {"ann": 1.0}, "kind": "gain", "exact": ["1", "2"]}, None, "2 fractions"),
    ],
)
def test_what_is_no_allocation_is_refused(shares, kind, message):
    with pytest.raises(AllocationError, match=message):
        sg.Allocation.from_dict(shares, kind=kind)


def test_shares_with_labels_are_taken_by_label():
    pd = pytest.importorskip("pandas")
    game = sg.Game.from_table([0.0, 40, 30, 50], ["ann", "bob"], kind="cost")
    turned = pd.Series({"bob": 20.0, "ann": 30.0})
    assert sg.core_check(game, turned) == sg.core_check(game, [30.0, 20.0])
    assert sg.audit(game, turned).in_core
    assert sg.audit(game, pd.Series([30.0, 20.0])).in_core  # labels that nobody chose
    with pytest.raises(AllocationError, match="eve"):
        sg.audit(game, pd.Series({"eve": 20.0, "ann": 30.0}))
    with pytest.raises(AllocationError, match="two shares"):
        sg.audit(game, pd.Series([20.0, 30.0], index=["ann", "ann"]))


def test_shares_of_xarray_and_polars():
    game = sg.Game.from_table([0.0, 40, 30, 50], ["ann", "bob"], kind="cost")
    xarray = pytest.importorskip("xarray")
    turned = xarray.DataArray([20.0, 30.0], {"player": ["bob", "ann"]}, ["player"])
    assert sg.audit(game, turned).in_core
    polars = pytest.importorskip("polars")
    assert sg.audit(game, polars.Series([30.0, 20.0])).in_core
