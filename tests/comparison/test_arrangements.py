"""Arrangements beside rules: what they lose, who keeps a profit, and which cannot be compared."""

import csv
import io
import json
from dataclasses import dataclass

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given
from hypothesis import strategies as st
from sesgame.errors import AllocationError, GameError
from sesgame.evidence import CostBasis, CostTerms, Evidence

E = sg.energy
TERMS = CostTerms("June 2016", "each at the tariff", "nothing is bought")


def costs(scale=1.0, players=("ann", "bob")):
    return sg.Game.from_table([0, 40 * scale, 30 * scale, 50 * scale], players, kind="cost")


@dataclass(frozen=True, eq=False)
class RentEvidence(Evidence):
    """Of an operator that keeps what it is paid beyond the cost."""

    cost: float
    stands_on: CostBasis | None
    who: str = "operator"

    @property
    def arrangement(self):
        return self.cost

    @property
    def basis(self):
        return self.stands_on

    @property
    def residual_claimant(self):
        return self.who


class Rent:
    """What has an allocation, and is none."""

    def __init__(self, game, bills, cost, stands_on=..., who="operator"):
        basis = CostBasis.of(game, TERMS) if stands_on is ... else stands_on
        self.made = sg.Allocation(
            game.players, bills, "cost", "rented", evidence=RentEvidence(cost, basis, who)
        )

    def allocation(self):
        return self.made


def day(load=(2.0, 1.0), start="2016-06-01", offers=(), storage=True):
    hours = [f"{start}T{hour:02}:00" for hour in range(3)]
    steps = E.TimeSteps.from_times(hours)
    battery = E.Battery(
        owner="ann", energy_kwh=1.0, power_kw=1.0, charge_efficiency=1, discharge_efficiency=1
    )
    return E.Community(
        members=["ann", "bob"],
        steps=steps,
        load_kwh=[[0.0, load[0], 0.0], [0.0, 0.0, load[1]]],
        tariff=E.PriceSeries(steps, [0.1, 0.3, 0.3], [0.0, 0.0, 0.0]),
        batteries=[battery] if storage else [],
        storage_offers=offers,
    )


def bargained(community):
    return E.bargained_dispatch(community, disagreement={"ann": 2.0, "bob": 1.0}, progress=False)


def test_what_has_an_allocation_is_a_row_by_itself_in_a_list_and_by_name():
    game = costs()
    rent = Rent(game, [38, 29], 60)
    assert [row.rule for row in sg.compare(game, rent).rows] == ["rented"]
    listed = sg.compare(game, ["shapley", rent, rent])
    assert [row.rule for row in listed.rows] == ["shapley", "rented", "rented (2)"]
    named = sg.compare(game, {"cloud": rent})["cloud"]
    assert named.paid == 67
    assert (named.lost, named.profit, named.budget_balance) == (10, 7, 7)
    assert (named.residual_claimant, named.billed, named.efficient) == ("operator", 67, False)
    assert named.audit == sg.audit(game, rent) == sg.audit(game, rent.allocation())


def test_the_profit_is_a_figure_of_every_form_and_a_sentence():
    game = costs()
    compared = sg.compare(game, ["shapley", Rent(game, [38, 29], 60)], unit="EUR")
    assert "rented: the operator keeps 7.00 EUR." in str(compared)
    assert "rented: the operator keeps 7.00 EUR." in compared._repr_html_()
    rows = list(csv.DictReader(io.StringIO(compared.to_csv())))
    assert [row["residual_claimant"] for row in rows] == ["", "operator"]
    assert [row["profit"] for row in rows] == ["", "7.0"]
    kept = json.loads(compared.to_json())
    assert kept["rules"]["rented"]["profit"] == 7
    assert kept["terms"]["period"] == "June 2016"
    lacks = sg.compare(game, Rent(game, [28, 29], 60), unit="EUR")
    assert "rented: the operator lacks 3.00 EUR." in str(lacks)


def test_the_terms_stand_above_the_table_once():
    community = day()
    said = str(sg.compare(community, ["nucleolus", bargained(community)], progress=False))
    above, _, below = said.partition("\n\n")
    assert above.splitlines()[1] == str(community.cost_terms())
    assert "2016-06-01T00:00 to 2016-06-01T03:00, 3 steps of 60 minutes" in above
    assert "Period:" not in below


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (day(start="2016-06-02"), 'period is "2016-06-02T00:00'),
        (day(load=(2.0, 1.5)), "alone bob bears 0.45 there, and 0.3 here"),
    ],
)
def test_the_bargained_dispatch_of_another_community_is_refused_by_name(other, reason):
    community = day()
    compared = sg.compare(
        community,
        {"here": bargained(community), "there": bargained(other), "nucleolus": "nucleolus"},
        progress=False,
    )
    assert compared["here"].failure == compared["nucleolus"].failure == ""
    refused = compared["there"]
    assert refused.failure.startswith("not comparable: ")
    assert reason in refused.failure
    assert (refused.allocation, refused.lost, refused.profit) == (None, None, None)
    assert f"there: {refused.failure}." in str(compared)
    with pytest.raises(AllocationError, match="there is not comparable"):
        sg.report(community.cost_game(), {"there": bargained(other)}, community=community)


def street(hours):
    """Return a roof and a neighbour on the public grid."""
    return E.PublicGrid(
        points=[
            E.MeteringPoint(
                name="roof", member="ann", contract="flat", export_kwh=np.full(hours, 2.0)
            ),
            E.MeteringPoint(
                name="flat", member="bob", contract="flat", import_kwh=np.full(hours, 3.0)
            ),
        ],
        contracts=[E.Contract(name="flat", energy=E.Tariff.flat(0.30, 0.06))],
        steps=[f"2016-06-01T{hour:02}:00" for hour in range(hours)],
        fee_per_kwh=0.05,
    )


def test_bills_under_a_sharing_key_of_another_period_are_refused():
    long, short = street(4), street(2)
    keys = {
        hours: E.shared_generation(world, E.EqualKey(), local_price_per_kwh=0.1)
        for hours, world in (("four", long), ("two", short))
    }
    compared = sg.compare(long, keys, progress=False)
    assert compared["four"].lost == pytest.approx(keys["four"].evidence.lost_money)
    assert 'period is "2016-06-01T00:00 to 2016-06-01T02:00' in compared["two"].failure


def test_an_arrangement_that_does_not_say_on_what_it_stands_is_refused():
    game = costs()
    row = sg.compare(game, Rent(game, [38, 29], 60, stands_on=None))["rented"]
    assert "RentEvidence does not say on what terms its arrangement stands" in row.failure
    assert row.allocation is None


def test_without_a_community_the_first_arrangement_sets_the_terms():
    game = costs()
    july = CostBasis.of(game, CostTerms("July 2016", TERMS.alone, TERMS.investment))
    rows = {"june": Rent(game, [38, 29], 60), "july": Rent(game, [38, 29], 60, july)}
    compared = sg.compare(game, rows)
    assert compared.terms == TERMS
    assert compared["june"].failure == ""
    assert 'period is "July 2016" there, and "June 2016" here' in compared["july"].failure
    assert sg.compare(game, ["shapley"]).terms is None


def test_other_members_are_refused_with_the_name_of_the_row():
    others = Rent(costs(players=("ann", "eve")), [38, 29], 60)
    with pytest.raises(AllocationError, match="cloud: the allocation is not one of this game"):
        sg.compare(costs(), {"cloud": others})


def test_what_is_no_allocation_is_refused():
    class Nothing:
        def allocation(self):
            return {"ann": 1.0}

    with pytest.raises(AllocationError, match="must return an Allocation, got dict"):
        sg.compare(costs(), [Nothing()])
    with pytest.raises(GameError, match=r"or what has allocation\(\), got int 3"):
        sg.compare(costs(), [3])


def test_a_loss_of_less_than_a_cent_is_not_said_to_be_none():
    game = costs()
    text = sg.report(game, [Rent(game, [25.001, 25], 50.001, who="")], unit="EUR").text()
    assert "  Its arrangement costs less than 0.01 EUR more than the optimum." in text.splitlines()


def test_a_report_has_the_profit_and_the_loss_as_lines_and_bills_that_add_up():
    game = costs()
    report = sg.report(game, [sg.shapley_value(game), Rent(game, [38, 29], 60)], unit="EUR")
    lines = report.text().splitlines()
    assert lines[1] == str(TERMS)
    (profit,) = (line for line in lines if line.startswith("operator's profit"))
    assert profit.split() == ["operator's", "profit", "-", "7.00"]
    (lost,) = (line for line in lines if line.startswith("lost against"))
    assert lost.split()[-2:] == ["0.00", "10.00"]
    assert sum(report.bills["rented"]) == 67
    assert "  Its arrangement costs 10.00 EUR more than the optimum." in lines
    page = report.to_html().replace("\N{NO-BREAK SPACE}", " ")
    assert "and the operator keeps 7.00 EUR." in page
    assert str(TERMS) in page
    # Rules that split the optimum need no such lines.
    plain = sg.report(game, sg.shapley_value(game), unit="EUR").text()
    assert "profit" not in plain
    assert "Period" not in plain


def test_a_rented_storage_cloud_is_a_row_and_one_of_other_storage_is_not():
    offer = E.StorageOffer(
        name="battery",
        price_per_kwh_year=36.5,
        price_per_kw_year=0,
        charge_efficiency=1,
        discharge_efficiency=1,
    )
    community = day(storage=False, offers=[offer])
    rows = {
        "rent": E.StorageCloud(community).best_rent(),
        "dearer": E.StorageCloud(community, 0.2).best_rent(),
    }
    compared = sg.compare(community, {"nucleolus": "nucleolus", **rows}, progress=False)
    rent = compared["rent"]
    assert rent.failure == ""
    assert rent.profit == pytest.approx(rows["rent"].profit)
    assert rent.paid == pytest.approx(rows["rent"].bills.sum())
    assert rent.lost >= -rent.audit.tolerance
    assert 'investment is "storage at 73 per kWh' in compared["dearer"].failure


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3),
    st.sampled_from([1e-3, 1.0, 100.0, 1e6]),
    st.booleans(),
)
def test_the_same_costs_in_another_unit_and_order_are_the_same(values, scale, swapped):
    a, b, both = values
    size = max(map(abs, values))
    basis = CostBasis(("ann", "bob"), TERMS, (a * scale, b * scale), both * scale)
    members, alone = ("ann", "bob"), [a * scale, b * scale]
    if swapped:
        members, alone = ("bob", "ann"), alone[::-1]
    assert basis.differences(members, TERMS, alone, both * scale) == []
    if size > 0:
        more = [alone[0] + 1e-4 * size * scale, alone[1]]
        (said,) = basis.differences(members, TERMS, more, both * scale)
        assert said.startswith(f"alone {members[0]} bears")
        (said,) = basis.differences(members, TERMS, alone, (both + 1e-4 * size) * scale)
        assert said.startswith("all together bear")


def test_a_basis_has_a_cost_for_each_member():
    with pytest.raises(AllocationError, match="2 members and 1 costs alone"):
        CostBasis(("ann", "bob"), TERMS, (1.0,))
