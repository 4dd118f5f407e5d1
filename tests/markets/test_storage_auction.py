"""Storage auctions against every choice of bundles and every coalition."""

import itertools
from fractions import Fraction
from functools import partial
from itertools import combinations

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.market_oracles import best_bundles
from sesgame.errors import GameError, SolverError
from sesgame.markets import StorageAuction, bailey_cavallo, core_selecting, greedy, vcg
from sesgame.testing import assert_individually_rational, assert_truthful, storage_auctions


def rounded(allocation):
    return np.round(allocation, 9).tolist()


@settings(max_examples=60)
@given(storage_auctions())
def test_every_utility_under_vcg_is_the_welfare_that_the_bidder_adds(auction):
    settlement = vcg(auction)
    assert settlement.proved
    best = float(best_bundles(auction)[0])
    assert settlement.welfare == pytest.approx(best)
    for i, bidder in enumerate(auction.participants):
        rest = [other for other in auction.participants if other != bidder]
        added = best - float(best_bundles(auction, rest)[0])
        assert settlement.utilities[i] == pytest.approx(added, abs=1e-9)


@drawn(20, 60, storage_auctions())
def test_core_payments_are_blocked_by_no_coalition_and_at_least_vcg(auction):
    settlement = core_selecting(auction)
    revenue = settlement.payments.sum()
    assert (settlement.payments >= vcg(auction).payments - 1e-9).all()
    assert_individually_rational(auction, settlement)
    gains = dict(zip(auction.participants, settlement.utilities, strict=True))
    for size in range(1, len(gains) + 1):
        for coalition in combinations(gains, size):
            offer = float(best_bundles(auction, coalition)[0]) - sum(gains[b] for b in coalition)
            assert offer <= revenue + 1e-7


@drawn(10, 40, storage_auctions(max_bundles=1))
def test_no_value_beats_the_truth_under_the_greedy_rule_and_nobody_loses(auction):
    settlement = greedy(auction)
    assert_individually_rational(auction, settlement)
    assert settlement.properties(scan=[]).efficiency_loss == pytest.approx(
        float(best_bundles(auction)[0]) - settlement.welfare
    )
    assert_truthful(greedy, auction, price_factors=np.linspace(0, 3, 25))


def by_scarcity(auction):
    """The greedy auction by scarcity, in fractions: who wins, and the least value that does."""
    resources = [
        (kind, period)
        for kind in ("energy_kwh", "power_kw")
        for period in range(auction.n_periods)
        if getattr(auction, kind)[period] > 0
    ]

    def shares(bundle):
        return {
            (kind, period): Fraction(getattr(bundle, kind))
            / Fraction(getattr(auction, kind)[period])
            for kind, period in resources
            if period in bundle.periods
        }

    asked = dict.fromkeys(resources, Fraction(0))
    for bundle in auction.bundles:
        for resource, share in shares(bundle).items():
            asked[resource] += share

    def size(bundle):
        used = sum(asked[resource] * share for resource, share in shares(bundle).items())
        return used or Fraction(1)

    def winners(values):
        left, won = dict.fromkeys(resources, Fraction(1)), set()
        score = {k: values[k] / size(auction.bundles[k]) for k in values if values[k] > 0}
        for k in sorted(score, key=lambda k: (-score[k], k)):
            used = shares(auction.bundles[k])
            if all(share <= left[resource] for resource, share in used.items()):
                left = {one: left[one] - used.get(one, 0) for one in left}
                won.add(k)
        return won

    values = {k: Fraction(bundle.value) for k, bundle in enumerate(auction.bundles)}
    won, pays = winners(values), {}
    for k in won:
        # Where its score passes that of another bundle, the outcome may change.
        others = {values[j] / size(auction.bundles[j]) for j in values if j != k}
        critical = [Fraction(0), *sorted(other * size(auction.bundles[k]) for other in others)]
        pays[k] = next(
            value for value in critical if k in winners({**values, k: value + Fraction(1, 10**9)})
        )
    return won, pays


@drawn(20, 80, storage_auctions(max_bundles=1))
def test_the_greedy_rule_by_scarcity_is_that_of_fractions(auction):
    settlement = greedy(auction, size="scarcity")
    won, pays = by_scarcity(auction)
    assert {k for k in settlement.won if k is not None} == won
    for bidder, k in enumerate(settlement.won):
        paid = 0.0 if k is None else float(pays[k])
        assert settlement.payments[bidder] == pytest.approx(paid, abs=1e-7)
    assert settlement.rule(auction).won == settlement.won


@drawn(10, 40, storage_auctions(max_bundles=1))
def test_no_value_beats_the_truth_by_scarcity_and_nobody_loses(auction):
    rule = partial(greedy, size="scarcity")
    assert_individually_rational(auction, rule(auction))
    assert_truthful(rule, auction, price_factors=np.linspace(0, 3, 25))


def test_a_scarce_resource_weighs_more():
    """Four homes that need a quarter of the power each, or a depot that needs all of it."""
    auction = StorageAuction(
        [("depot", 10, 1, 5, [0]), *((f"home {k}", 4, 5, 1.25, [0]) for k in range(4))],
        energy_kwh=20,
        power_kw=5,
        n_periods=1,
    )
    # Shares asked for: energy 0.05 + 1, power 1 + 1. Sizes: 0.05 x 1.05 + 1 x 2 against 0.7625.
    assert greedy(auction).won == (0, None, None, None, None)
    assert greedy(auction, size="scarcity").won == (None, 1, 2, 3, 4)
    with pytest.raises(GameError, match='size must be "root" or "scarcity", got \'value\''):
        greedy(auction, size="value")


def decimal(auction):
    """The same auction in tenths, whose sums are rounded."""
    bundles = [
        one._replace(energy_kwh=one.energy_kwh * 0.1, power_kw=one.power_kw * 0.1)
        for one in auction.bundles
    ]
    return StorageAuction(
        bundles, energy_kwh=auction.energy_kwh * 0.1, power_kw=auction.power_kw * 0.1
    )


@drawn(12, 50, storage_auctions(max_bundles=1), st.booleans())
def test_no_rule_sells_more_than_the_battery_has(auction, in_tenths):
    auction = decimal(auction) if in_tenths else auction
    for rule in (vcg, core_selecting, greedy, partial(greedy, size="scarcity")):
        sold = [auction.bundles[k] for k in rule(auction).won if k is not None]
        for period in range(auction.n_periods):
            now = [one for one in sold if period in one.periods]
            for kind in ("energy_kwh", "power_kw"):
                used = sum((Fraction(getattr(one, kind)) for one in now), Fraction(0))
                most = Fraction(getattr(auction, kind)[period])
                assert used <= most * (1 + Fraction(1, 10**9) * in_tenths)


@settings(max_examples=15)
@given(storage_auctions(max_bundles=2))
def test_no_value_beats_the_truth_under_vcg(auction):
    factors = np.linspace(0, 3, 13)
    assert_truthful(vcg, auction, participants=["b0"], price_factors=factors)


def packages(bids):
    """An auction of single items, each the battery's one kWh in one period."""
    n_items = 1 + max(item for *_, items in bids for item in items)
    return StorageAuction(
        [(bidder, value, 1, 0, items) for bidder, value, items in bids],
        energy_kwh=1,
        power_kw=0,
        n_periods=n_items,
    )


def test_the_five_bids_of_cramton():
    """[cramton2013]: VCG 14 and 12; core nearest to VCG 17 and 15."""
    auction = packages([(1, 28, [0]), (2, 20, [1]), (3, 32, [0, 1]), (4, 14, [0]), (5, 12, [1])])
    assert vcg(auction).payments.tolist() == [14, 12, 0, 0, 0]
    settlement = core_selecting(auction)
    assert rounded(settlement.payments) == [17, 15, 0, 0, 0]
    assert settlement.blocking == (frozenset({1, 2}),)


def test_vcg_can_bring_no_revenue_at_all():
    """Ausubel and Milgrom (2006), "The lovely but lonely Vickrey auction": two licences, worth 2
    together to the first bidder and 2 alone to each of two others.
    """
    auction = packages([(1, 2, [0, 1]), (2, 2, [0]), (3, 2, [1])])
    settlement = vcg(auction)
    assert settlement.payments.tolist() == [0, 0, 0]
    report = settlement.properties()
    assert report.in_core is False
    assert report.core_excess == pytest.approx(2)
    assert report.blocking == frozenset({1})
    assert core_selecting(auction).properties(scan=[]).in_core is True


def test_xor_bids_give_a_bidder_one_bundle():
    """Conitzer and Sandholm style: a second bundle is an alternative, not an addition."""
    auction = StorageAuction(
        [("a", 5, 1, 0, [0]), ("a", 4, 1, 0, [1]), ("b", 1, 1, 0, [1])],
        energy_kwh=1,
        power_kw=0,
        n_periods=2,
    )
    settlement = vcg(auction)
    assert settlement.won == (0, 2)
    assert settlement.welfare == 6


def test_the_rebate_returns_most_of_the_revenue_to_the_members():
    auction = packages([("ann", 9, [0]), ("bob", 6, [0]), ("eve", 3, [0])])
    settlement = bailey_cavallo(vcg, auction)
    assert settlement.payments.tolist() == [5, -1, -2]
    assert sg.budget_balance(settlement).gap == 2
    assert settlement.properties(scan=["ann", "bob", "eve"]).incentive_compatible is True


def hard_auction():
    """Many bundles of much the same worth and size: proving the best takes well over seconds."""
    rng = np.random.default_rng(7)
    value, energy, power = rng.random((3, 200)) * 10 + np.array([[50], [20], [20]])
    first = rng.integers(0, 3, 200)
    bundles = [(k, value[k], energy[k], power[k], (first[k], first[k] + 1)) for k in range(200)]
    return StorageAuction(bundles, energy_kwh=150, power_kw=150, n_periods=4)


def test_a_program_that_is_stopped_says_how_far_off_it_may_be():
    settlement = vcg(hard_auction(), time_limit=0.3)
    assert not settlement.proved
    assert settlement.welfare_bound > settlement.welfare
    gap = settlement.welfare_bound - settlement.welfare
    assert settlement.payment_gaps.min() == pytest.approx(gap)
    assert settlement.to_dict()["proved"] is False
    assert not settlement.rule.promises


def test_winners_that_are_stopped_come_with_a_bound():
    clearing = hard_auction().clear(time_limit=0.3, progress=False)
    assert clearing.bound > clearing.welfare > 0
    small = packages([("a", 5, [0]), ("b", 3, [1])]).clear()
    assert (small.won, small.welfare, small.bound) == ((0, 1), 8.0, 8.0)


def test_core_payments_that_are_not_proved_in_time_are_refused_with_the_bound():
    with pytest.raises(SolverError, match=r"time limit: .* at most \d+\.\d+ is possible"):
        core_selecting(hard_auction(), time_limit=0.3)
    with pytest.raises(GameError, match="time_limit must be positive, got nan"):
        core_selecting(packages([("a", 1, [0])]), time_limit=np.nan)
    auction = packages([("a", 5, [0]), ("b", 3, [0])])
    assert core_selecting(auction, time_limit=60.0).payments.tolist() == [3.0, 0.0]


def test_a_winner_determination_shows_the_best_and_the_bound():
    seen = []
    auction = hard_auction()
    auction.columns.best(np.zeros(200), 1.5, lambda *state: seen.append(state))
    searches = [state[2:] for state in seen if len(state) == 4]
    best, bound = searches[-1]
    assert bound >= best > 0
    assert all(later[1] <= earlier[1] for earlier, later in itertools.pairwise(searches))


@pytest.mark.parametrize(
    ("bundle", "message"),
    [
        pytest.param(
            ("a", -1, 1, 1, [0]), "bundle 0 of 'a': its value must be .* got -1.0", id="value"
        ),
        pytest.param(("a", np.nan, 1, 1, [0]), "its value must be .* got nan", id="nan"),
        pytest.param(("a", 1, -2, 1, [0]), "its energy_kwh must be .* got -2.0", id="energy"),
        pytest.param(("a", 1, 1, np.inf, [0]), "its power_kw must be .* got inf", id="power"),
        pytest.param(("a", 1, 1, 1, []), "bundle 0 of 'a' has no period", id="no period"),
        pytest.param(("a", 1, 1, 1, [2]), "is for period 2; the periods are 0 to 1", id="period"),
        pytest.param(("a", 1, 1, 1), "bundle 0 must be \\(bidder, value", id="short"),
        pytest.param(("a", "x", 1, 1, [0]), "could not convert", id="text"),
    ],
)
def test_a_bad_bundle_is_refused(bundle, message):
    with pytest.raises(GameError, match=message):
        StorageAuction([bundle], energy_kwh=1, power_kw=1, n_periods=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"energy_kwh": 1, "power_kw": 1}, "how many periods", id="no length"),
        pytest.param({"energy_kwh": [1, 2], "power_kw": [1]}, "and agree", id="lengths"),
        pytest.param(
            {"energy_kwh": [-1], "power_kw": 1}, "energy_kwh must be .* got -1.0", id="negative"
        ),
        pytest.param(
            {"energy_kwh": [1], "power_kw": np.nan}, "power_kw must be .* got nan", id="nan"
        ),
    ],
)
def test_a_bad_battery_is_refused(options, message):
    with pytest.raises(GameError, match=message):
        StorageAuction([("a", 1, 1, 1, [0])], **options)


def test_bundles_too_large_for_the_battery_and_bidders_without_bundles_win_nothing():
    auction = StorageAuction(
        [("a", 9, 5, 1, [0])], energy_kwh=4, power_kw=1, n_periods=1, bidders=["a", "b"]
    )
    for mechanism in (vcg, core_selecting, greedy):
        assert mechanism(auction).won == (None, None)


def test_the_greedy_rule_refuses_a_bidder_with_two_bundles():
    auction = packages([("a", 1, [0]), ("a", 2, [1])])
    with pytest.raises(GameError, match="bundle 1 is the second of 'a'"):
        greedy(auction)


def test_a_market_of_another_kind_is_refused():
    with pytest.raises(GameError, match=r"market must be .* got Game .* sg.vcg_payments takes"):
        vcg(sg.Game.from_table([0, 1], kind="gain"))
    with pytest.raises(GameError, match="time_limit must be positive, got 0"):
        vcg(packages([("a", 1, [0])]), time_limit=0)
