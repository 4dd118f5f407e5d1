"""A leader's prices by step against brute force over grids of prices, and member by member."""

import itertools
import json

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import strategies as st
from reference.price_game_oracles import Followers
from sesgame.errors import GameError
from sesgame.files.json_text import json_text

NEAR = 1e-6
"""Of money about 1: to which linear programs of two solvers agree, one inside a constraint."""


def hours(count):
    times = np.datetime64("2016-06-01T00:00") + np.arange(count) * np.timedelta64(1, "h")
    return sg.energy.TimeSteps.from_times(times)


def battery(owner, energy_kwh, power_kw=10.0, efficiency=1.0, initial=0.0, wear=0.0, **more):
    return sg.energy.Battery(
        owner=owner,
        energy_kwh=energy_kwh,
        power_kw=power_kw,
        charge_efficiency=efficiency,
        discharge_efficiency=efficiency,
        initial_charge_kwh=initial,
        degradation_cost_per_kwh=wear,
        **more,
    )


def community(net, buy, sell, batteries=(), **more):
    net = np.asarray(net, dtype=float)
    steps = hours(net.shape[1])
    return sg.energy.Community(
        members=["ann", "bob", "cid", "dan"][: len(net)],
        steps=steps,
        load_kwh=net,
        tariff=sg.energy.PriceSeries(steps, buy, sell),
        batteries=batteries,
        **more,
    )


NOON = community([[-4.0, 4.0], [0.0, 0.0]], [0.20, 0.30], [0.05, 0.05], [battery("bob", 4)])
"""Sun at noon, a load in the evening, and a battery of somebody else."""


def costs_alone(world):
    game = world.cost_game()
    return np.array([game.value([member]) for member in world.members])


def followers_of(world):
    """Return the independent model of members, of one battery each: of 0 kWh for who has none."""
    found = []
    for member in world.members:
        own = [each for each in world.batteries if each.owner == member]
        assert len(own) <= 1
        found.append(
            {
                "energy": own[0].energy_kwh if own else 0.0,
                "power": own[0].power_kw if own else 0.0,
                "efficiency": own[0].charge_efficiency if own else 1.0,
                "initial": own[0].initial_charge_kwh if own else 0.0,
                "wear": own[0].degradation_cost_per_kwh if own else 0.0,
            }
        )
    return Followers(world.net_load_kwh, found, world.buy_per_kwh, world.sell_per_kwh)


@st.composite
def small_worlds(draw):
    steps, members = draw(st.integers(2, 3)), draw(st.integers(2, 3))
    net = [
        draw(st.lists(st.integers(-3, 3).map(float), min_size=steps, max_size=steps))
        for _ in range(members)
    ]
    sell = draw(st.lists(st.sampled_from([-0.05, 0.0, 0.05, 0.1]), min_size=steps, max_size=steps))
    spread = draw(st.lists(st.sampled_from([0.0, 0.1, 0.25]), min_size=steps, max_size=steps))
    batteries = [
        battery(
            owner,
            draw(st.sampled_from([1.0, 2.0, 4.0])),
            power_kw=draw(st.sampled_from([1.0, 5.0])),
            efficiency=draw(st.sampled_from([1.0, 0.9])),
            initial=draw(st.sampled_from([0.0, 0.5])),
            wear=draw(st.sampled_from([0.0, 0.02])),
        )
        for owner in ["ann", "bob", "cid"][: draw(st.integers(1, min(2, members)))]
    ]
    return community(net, np.array(sell) + spread, sell, batteries)


def grid_of_prices(world, levels):
    """Yield pairs of prices by step at some levels between those of the grid."""
    by_step = []
    for paid, asked in zip(world.sell_per_kwh, world.buy_per_kwh, strict=True):
        prices = np.unique(np.linspace(paid, asked, levels))
        by_step.append([(buy, sell) for buy in prices for sell in prices if sell <= buy])
    for pairs in itertools.product(*by_step):
        yield np.array([buy for buy, _ in pairs]), np.array([sell for _, sell in pairs])


def test_the_leader_keeps_what_a_battery_of_no_use_alone_brings():
    found = sg.energy.leader_prices_by_step(NOON)
    assert found.profit == pytest.approx(1.0)
    assert found.gap == 0.0
    assert found.relative_gap == 0.0
    assert found.allocation().values == pytest.approx([1.0, 0.0])
    assert found.charge_kwh == pytest.approx(np.array([[0, 0], [4.0, 0]]))
    assert found.discharge_kwh == pytest.approx(np.array([[0, 0], [0, 4.0]]))


def test_without_storage_the_leader_takes_all_that_netting_gains():
    world = community([[-3.0, 1.0], [2.0, 1.0]], [0.3, 0.3], [0.1, 0.1])
    found = sg.energy.leader_prices_by_step(world)
    assert found.profit == pytest.approx(2.0 * (0.3 - 0.1))
    assert found.allocation().values == pytest.approx(costs_alone(world))
    assert (found.buy_per_kwh[0], found.sell_per_kwh[0]) == (0.3, 0.1)


def test_batteries_are_left_alone_in_netting():
    found = sg.energy.leader_prices_by_step(NOON, model="netting")
    assert found.profit == 0.0
    assert not found.charge_kwh.any()


@drawn(4, 8, small_worlds())
def test_no_prices_of_a_grid_earn_more(world):
    found = sg.energy.leader_prices_by_step(world, relative_gap=0.0)
    followers = followers_of(world)
    assert found.gap <= found.evidence.tolerance
    levels = 4 if world.steps.n_steps == 2 else 3
    for buy, sell in grid_of_prices(world, levels):
        assert followers.profit(buy, sell) <= found.profit + NEAR
    assert followers.profit(found.buy_per_kwh, found.sell_per_kwh) == pytest.approx(
        found.profit, abs=NEAR
    )


@drawn(10, 25, small_worlds())
def test_replies_are_best_and_money_adds_up(world):
    found = sg.energy.leader_prices_by_step(world)
    bills, evidence = found.allocation(), found.evidence
    assert np.abs(evidence.reply_gaps).max() <= evidence.tolerance
    assert bills.total - evidence.arrangement == pytest.approx(found.profit, abs=1e-9)
    assert (bills.values <= costs_alone(world) + evidence.tolerance).all()
    game = world.cost_game()
    assert evidence.arrangement >= game.value(world.members) - evidence.tolerance
    assert evidence.verify(game).holds
    least = followers_of(world).least_profit(found.buy_per_kwh, found.sell_per_kwh)
    assert evidence.least_profit == pytest.approx(least, abs=NEAR)
    assert least <= found.profit + NEAR
    # The most that anybody could earn: what all pay alone, less the common optimum.
    assert found.bound <= costs_alone(world).sum() - game.value(world.members) + evidence.tolerance


def test_the_least_profit_is_that_of_replies_against_the_leader():
    # At noon and in the evening prices are the same to Bob: he may as well do nothing.
    found = sg.energy.leader_prices_by_step(NOON)
    assert found.evidence.least_profit == pytest.approx(0.0, abs=1e-7)
    bills = found.allocation()
    said = found.evidence.caveats(bills, lambda money: f"{money:.2f}")
    assert said == [
        "Where members have several best replies, they are taken to choose the one that is best "
        "for the leader; at worst it earns 0.00."
    ]


@drawn(3, 10, small_worlds(), st.sampled_from([100.0, 1e-3]))
def test_the_answer_depends_on_no_unit_of_money(world, unit):
    other = community(
        world.net_load_kwh,
        unit * world.buy_per_kwh,
        unit * world.sell_per_kwh,
        [
            battery(
                each.owner,
                each.energy_kwh,
                each.power_kw,
                each.charge_efficiency,
                each.initial_charge_kwh,
                unit * each.degradation_cost_per_kwh,
            )
            for each in world.batteries
        ],
    )
    one, scaled = (
        sg.energy.leader_prices_by_step(each, relative_gap=0.0) for each in (world, other)
    )
    assert scaled.profit == pytest.approx(unit * one.profit, abs=unit * NEAR)
    assert scaled.bound == pytest.approx(unit * one.bound, abs=unit * NEAR)


def several_days():
    rng = np.random.default_rng(5)
    net = rng.uniform(-3, 3, (3, 8)).round(1)
    buy = np.where(np.arange(8) % 4 < 2, 0.2, 0.35)
    batteries = [battery(owner, 3, 2, 0.95, wear=0.01) for owner in ("ann", "bob", "cid")]
    return community(net, buy, np.full(8, 0.06), batteries)


@pytest.mark.slow
def test_a_search_without_time_returns_a_gap_that_says_so():
    found = sg.energy.leader_prices_by_step(several_days(), max_seconds=1e-3, relative_gap=0.0)
    evidence = found.evidence
    assert found.gap > evidence.tolerance
    assert found.relative_gap == pytest.approx(found.gap / found.profit)
    verdict = evidence.verify(several_days().cost_game())
    assert verdict.state == "open"
    assert "whether prices could earn more" in verdict.unchecked[0]
    assert "not proved to be its best" in evidence.caveats(found.allocation(), str)[0]
    proved = sg.energy.leader_prices_by_step(several_days())
    assert found.profit <= proved.profit + evidence.tolerance
    assert proved.bound <= found.bound + evidence.tolerance


def test_negative_prices_may_burn_energy_and_are_proved_all_the_same():
    world = community(
        [[1.0, 1.0], [0.5, -2.0]],
        [-0.05, 0.30],
        [-0.10, 0.02],
        [battery("ann", 2, efficiency=0.8, wear=0.01)],
    )
    found = sg.energy.leader_prices_by_step(world, relative_gap=0.0)
    followers = followers_of(world)
    best = max(followers.profit(buy, sell) for buy, sell in grid_of_prices(world, 4))
    assert best <= found.profit + NEAR
    assert found.evidence.verify(world.cost_game()).holds


def test_several_batteries_of_one_member_are_run_each_by_itself():
    world = community(
        [[-4.0, 4.0], [0.0, 0.0]],
        [0.20, 0.30],
        [0.05, 0.05],
        [battery("bob", 2), battery("bob", 2, efficiency=0.9)],
    )
    found = sg.energy.leader_prices_by_step(world)
    assert found.evidence.verify(world.cost_game()).holds
    assert found.charge_kwh[0].tolist() == [0, 0]
    assert found.charge_kwh[1, 0] == pytest.approx(2 + 2 / 0.9)


def test_the_row_of_a_comparison_has_the_leaders_profit_as_surplus():
    rows = sg.compare(NOON, ["shapley", "leader-price"])
    row = rows["leader-price"]
    assert row.paid == pytest.approx(1.0)
    assert row.arrangement == pytest.approx(0.0)
    assert row.lost == pytest.approx(0.0, abs=1e-9)
    assert row.budget_balance == pytest.approx(1.0)
    assert row.audit.individually_rational
    evidence = row.allocation.evidence
    assert evidence.residual_claimant == "leader"
    assert evidence.basis.costs_alone == pytest.approx((1.0, 0.0))
    assert evidence.basis.terms == NOON.cost_terms()


def test_the_evidence_is_written_without_the_energy_of_members():
    evidence = sg.energy.leader_prices_by_step(NOON).evidence
    kept = json.loads(json_text(evidence.to_dict()))
    assert "net_kwh" not in kept
    assert kept["profit"] == pytest.approx(1.0)
    assert len(kept["buy_per_kwh"]) == 2


def test_what_was_forged_is_refuted():
    from dataclasses import replace

    evidence, game = sg.energy.leader_prices_by_step(NOON).evidence, NOON.cost_game()
    forged = {
        "outside those of the grid": replace(evidence, buy_per_kwh=evidence.buy_per_kwh + 1),
        "bills less cost": replace(evidence, profit=0.5),
        "grid and wear cost": replace(evidence, cost=0.5),
        "not the best one": replace(evidence, reply_gaps=np.array([0.1, 0.0])),
        "is below the profit": replace(evidence, bound=0.5),
        "pays 0 alone": replace(evidence, wear=np.array([0.0, 0.5])),
    }
    for words, other in forged.items():
        verdict = other.verify(game)
        assert not verdict.holds
        assert words in "; ".join(verdict.failures)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        pytest.param(
            {"grid": sg.energy.Grid(demand_charge_per_kw=1.0)}, "demand charges", id="peaks"
        ),
        pytest.param(
            {"grid": sg.energy.Grid(import_limit_kw=0.5)}, "an import limit", id="a limit"
        ),
        pytest.param(
            {
                "storage_offers": [
                    sg.energy.StorageOffer(
                        name="big",
                        price_per_kwh_year=9,
                        price_per_kw_year=9,
                        charge_efficiency=1,
                        discharge_efficiency=1,
                    )
                ]
            },
            "storage to buy",
            id="an offer",
        ),
        pytest.param(
            {"controller": sg.energy.SelfConsumption()}, "and with model=", id="a controller"
        ),
    ],
)
def test_what_prices_by_step_do_not_have_is_refused_by_name(more, message):
    world = community([[3.0, 4.0]], [0.2, 0.3], [0.1, 0.1], [battery("ann", 4)], **more)
    with pytest.raises(GameError, match=message):
        sg.energy.leader_prices_by_step(world)


def test_what_is_too_large_is_refused_with_its_size():
    world = community(
        np.ones((2, 600)),
        np.full(600, 0.3),
        np.full(600, 0.1),
        [battery("ann", 4), battery("bob", 2)],
    )
    with pytest.raises(GameError, match=r"2 batteries times 600 steps is 1,200, .* limit 1,000"):
        sg.energy.leader_prices_by_step(world)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_seconds": 0}, "max_seconds must be above 0"),
        ({"max_seconds": -1.0}, "max_seconds must be above 0"),
        ({"max_seconds": float("nan")}, "max_seconds must be above 0"),
        ({"relative_gap": -0.1}, r"relative_gap must be in \[0, 1\)"),
        ({"relative_gap": 1.0}, r"relative_gap must be in \[0, 1\)"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(GameError, match=message):
        sg.energy.leader_prices_by_step(NOON, **options)


def test_another_world_is_refused():
    storage = sg.energy.TwoPeriodStorage(
        ["ann"], [1], [3], off_peak_price=0.1, peak_price=0.4, capacity_kwh=[0]
    )
    with pytest.raises(GameError, match="for a Community, not for"):
        sg.energy.leader_prices_by_step(storage)
