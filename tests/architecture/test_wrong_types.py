"""Whatever is given to a public function in place of an argument, the answer is an error of ours.

Every public function and every way to make an object of a public class, found by its name; each
argument in turn is something else. A function that has no call below fails the test.
"""

import importlib
import inspect
import operator
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import sesgame as sg
from fixtures.public_objects import (
    NAMES,
    OPERATOR,
    PLAYERS,
    auctions,
    books,
    choices,
    games,
    matchings,
    model_game,
    networks,
    objects,
    public_classes,
    sharing_premium,
    two_period,
)
from fixtures.worlds import UNLIKE, community

E, M = sg.energy, sg.markets
GAME = games()["table"]
OTHER = sg.Game.from_table([0.0, 1, 2, 4], ["x", "y"], kind="gain")
SHARE = sg.shapley_value(GAME)
WORLD = community(3)
PUBLIC = objects()[E.PublicGrid]
WITH_BATTERY = community(2, batteries=UNLIKE[:1])
SETTLED = M.vcg(books())
PREMIUM = sharing_premium()
WRONG = (
    None,
    "ab",
    "",
    b"ab",
    7,
    -1.5,
    float("nan"),
    True,
    [],
    [None],
    {},
    {"a": None},
    {3: 1.0},
    (),
    object(),
    len,
    np.zeros((2, 2, 2)),
    sg.shapley_value(OTHER),
    OTHER,
    E.Scenarios([WORLD]),
    two_period(),
    sg.Game,
)
"""What somebody may give by mistake; whether it is one depends on the argument."""

FEW = (None, "ab", 7, [], {"a": None}, WRONG[14], WRONG[17])
"""Of these, those that differ most, for every run of the tests."""


def aemo():
    """Return the bids of one unit for one interval, in AEMO's two tables."""
    key = {"SETTLEMENTDATE": ["2026-06-01"], "DUID": ["UNIT1"], "BIDTYPE": ["ENERGY"]}
    bands = range(1, 11)
    times = {"INTERVAL_DATETIME": ["2026-06-01 12:05"], "MAXAVAIL": [90.0], "FIXEDLOAD": [5.0]}
    return (
        pd.DataFrame({**key, **{f"PRICEBAND{k}": [10.0 * k] for k in bands}}),
        pd.DataFrame({**key, **times, **{f"BANDAVAIL{k}": [10.0] for k in bands}}),
    )


BY_GAME = {
    "audit": {"allocation": SHARE},
    "core_check": {"allocation": SHARE},
    "kernel_check": {"allocation": SHARE},
    "maximal_surpluses": {"allocation": SHARE},
    "semivalue": {"weights": [1 / 3, 1 / 6, 1 / 3]},
    "semivalue_estimate": {"weights": [1 / 3, 1 / 6, 1 / 3]},
    "owen_value": {"unions": [["a", "b"], ["c"]]},
    "owen_estimate": {"unions": [["a", "b"], ["c"]]},
    "nested_shapley_value": {"unions": [["a", "b"], ["c"]]},
    "nested_shapley_estimate": {"unions": [["a", "b"], ["c"]]},
    "nested_nash_bargaining": {"unions": [["a", "b"], ["c"]]},
    "report": {"allocations": SHARE},
}
"""What functions of a game need beside it."""

LEDGER = sg.Ledger.of({"ann": Decimal("9.50")}, period="2024-06", currency="EUR")
MARKETS = {"book": books, "market": books, "auction": auctions}
CALLS = {
    "adapters.dual_allocation": {"game": model_game()},
    "adapters.model_file": {"path": "nowhere.lp", "membership": {"a": "z"}},
    "bills.rounded_bills": {"shares": [1.0, 2.0], "total": 3.0},
    "budget_balance": {"result": SETTLED},
    "contribution_weights": {"supplied": {"a": 1.0}, "received": {"a": 2.0}},
    "divide": {"estate": 10.0, "claims": {"a": 6.0, "b": 9.0}},
    "energy.bargained_dispatch": {"community": community(4)},
    "energy.clear_by_agents": {"agents": community(3).agents()},
    "energy.masking_secrets": {"labels": ["ann", "bob"]},
    "energy.clustered_nucleolus": {"community": WORLD, "n_clusters": 2},
    "energy.clusters_of": {"community": WORLD, "n_clusters": 2},
    "energy.sharing_game": {
        "deficit_kwh": [[1.0], [0.0]],
        "surplus_kwh": [[0.0], [2.0]],
        "buy_per_kwh": 0.3,
        "sell_per_kwh": 0.1,
    },
    "energy.premium_shares": {"premium": PREMIUM, "statute": "by use"},
    "energy.shared_energy_game": {
        "injected_kwh": [[1.0], [0.0]],
        "withdrawn_kwh": [[0.0], [2.0]],
        "worth_per_kwh": 0.1,
    },
    "energy.sharing_premium": {
        "world": PREMIUM.world,
        "scheme": PREMIUM.scheme,
        "plants": PREMIUM.plants,
        "zonal_price_per_kwh": 0.1,
    },
    "energy.questions": {"community": WORLD},
    "energy.leader_price": {
        "a": [0.6, 0.5],
        "b": [0.05, 0.05],
        "supply_cost": 0.3,
        "suppliers": ([0.02, 0.05], [0.02, 0.03]),
        "grid": (0.08, 0.3),
    },
    "energy.leader_prices_by_step": {"community": WORLD},
    "energy.mid_market_rate": {"community": WORLD},
    "energy.supply_demand_ratio": {"community": WORLD, "compensation_per_kwh": 0.01},
    "energy.bill_sharing": {"community": WORLD},
    "energy.uniform_local_price": {"community": WORLD},
    "energy.shared_generation": {
        "world": PUBLIC,
        "key": E.DynamicKey(),
        "local_price_per_kwh": 0.15,
    },
    "energy.best_static_key": {"world": PUBLIC},
    "energy.best_given_key": {"world": PUBLIC},
    "energy.nearest_key": {
        "world": PUBLIC,
        "allocation": sg.shapley_value(PUBLIC.cost_game()),
        "local_price_per_kwh": 0.15,
    },
    "energy.change_in_bills": {
        "before": sg.shapley_value(PUBLIC.cost_game()),
        "after": sg.shapley_value(PUBLIC.cost_game()),
    },
    "energy.cost_of_risk": {"scenarios": E.Scenarios([WORLD], risk=E.Risk(0.5))},
    "energy.imbalance_settlement": {
        "contracts": {"a": 1.0},
        "outputs": {"a": 2.0},
        "price": 50.0,
        "shortage": 80.0,
        "surplus": 20.0,
    },
    "energy.exchanged_energy": {"community": WITH_BATTERY, "schedule": WITH_BATTERY.dispatch()},
    "energy.operator_bills": {
        "series": E.OperatorSeries(**OPERATOR),
        "consumer_price_per_kwh": 0.1,
        "producer_price_per_kwh": 0.1,
    },
    "energy.key_difference": {"series": E.OperatorSeries(**OPERATOR), "key": E.DynamicKey()},
    "energy.fitting_keys": {"series": E.OperatorSeries(**OPERATOR)},
    "energy.capital_recovery_factor": {"rate": 0.05, "years": 20.0},
    "energy.levelised_cost": {
        "capital": 1000.0,
        "annual_cost": 20.0,
        "annual_kwh": 1000.0,
        "rate": 0.05,
        "years": 20,
    },
    "energy.levelised_cost_of_storage": {
        "capital": 300.0,
        "annual_cost": 0.0,
        "annual_delivered_kwh": [300.0, 290.0],
        "charging_price": 0.05,
        "round_trip_efficiency": 0.9,
        "rate": 0.05,
        "years": 2,
    },
    "energy.service_price": {"levelised_cost": 0.1, "annual_kwh": 1000.0},
    "energy.wear_cost": {"capital": 300.0, "energy_kwh": 1.0, "cycles": 5000.0},
    "energy.years_of_life": {
        "calendar_years": 15.0,
        "cycles": 5000.0,
        "cycles_per_year": 300.0,
    },
    "energy.equilibrium_check": {
        "community": WORLD,
        "allocation": sg.owen_allocation(WORLD, progress=False),
    },
    "energy.read_eltariff": {"path": "nowhere.json"},
    "energy.read_urdb": {"path": "nowhere.json"},
    "energy.virtual_to_physical": {"virtual_kwh": 2.0, "physical_kwh": 1.0},
    "games.airport": {"costs": [1.0, 2.0]},
    "games.bankruptcy": {"estate": 2.0, "claims": [1.0, 2.0]},
    "games.excess": {"load": [[1.0, 2.0]], "limit": 1.0, "price": 1.0},
    "games.assignment": {"worth": [[1.0]]},
    "games.induced_subgraph": {"weights": [[1.0]]},
    "games.netting": {"net_load_kwh": [[1.0]], "buy_per_kwh": 0.3, "sell_per_kwh": 0.1},
    "games.peak": {"load_kw": [[1.0]], "price_per_kw": 1.0},
    "games.spanning_tree": {"costs": [[0.0, 1.0], [1.0, 0.0]]},
    "games.weighted_vote": {"weights": [1.0], "quota": 1.0},
    "markets.aemo_book": {
        "day_offers": aemo()[0],
        "period_offers": aemo()[1],
        "units": ["UNIT1"],
        "loads": [],
        "leave_out": ["FIXEDLOAD"],
    },
    "markets.aemo_prices": {
        "prices": pd.DataFrame(
            {
                "SETTLEMENTDATE": ["2026/06/01 12:05:00"],
                "REGIONID": ["SA1"],
                "INTERVENTION": [0],
                "RRP": [85.0],
            }
        ),
        "region": "SA1",
    },
    "markets.bailey_cavallo": {"mechanism": M.vcg, "market": auctions()},
    "markets.clarke_tax": {"choice": choices()},
    "markets.deficit_game": {"settlement": SETTLED},
    "markets.entsoe_prices": {
        "given": pd.Series(
            [52.0, 50.0], index=pd.date_range("2026-06-01", periods=2, freq="h", tz="UTC")
        ),
    },
    "markets.line_rents": {"settlement": M.nodal_pricing(networks())},
    "markets.market_game": {"market": networks(), "line_owners": {0: "cable"}},
    **{
        f"markets.{name}": {"market": matchings()}
        for name in ("buyer_optimal", "fair_division", "matching_nucleolus", "seller_optimal")
    },
    "markets.mcafee": {
        "book": M.OrderBook.from_orders([("ann", "bid", 8, 1), ("eve", "offer", 2, 1)])
    },
    "markets.muda": {"book": books()},
    "markets.nodal_pricing": {"market": networks()},
    "markets.pymarket_book": {
        "bids": pd.DataFrame(
            [(1.0, 6.7, 0, True, 0, True), (1.0, 1.0, 1, False, 0, True)],
            columns=["quantity", "price", "user", "buying", "time", "divisible"],
        )
    },
    "markets.rent_to_line_owners": {
        "settlement": M.nodal_pricing(networks()),
        "line_owners": {0: "cable"},
    },
    "markets.scale_rents": {"settlement": M.vcg(networks())},
    "markets.uplift_by_gain": {"settlement": SETTLED, "alone": "self"},
    "markets.uplift_by_rule": {"settlement": SETTLED, "rule": sg.shapley_value},
    "markets.uplift_by_load": {"settlement": SETTLED},
    "Ledger.of": {"bills": {"ann": Decimal("9.50")}, "period": "2024-06", "currency": "EUR"},
    "misreport_scan": {"mechanism": M.vcg, "participant": "ann", "market": books()},
    "nucleoli": {"tables": [[0.0, 1, 2, 4]], "kind": "gain"},
    "owen_allocation": {"community": WORLD},
    "read_result": {"path": "nowhere/result.json", "game": GAME},
    "rounded_bills": {"shares": [1.0, 2.0], "total": 3.0},
    "settle_many": {"communities": [WORLD]},
    "shapley_by_period": {"game": sg.PeriodGame.from_games({"mon": GAME})},
    "verify_bill": {
        "bill": LEDGER.bill("ann"),
        "proof": LEDGER.proof("ann"),
        "head": LEDGER.head,
    },
    "verify_heads": {"heads": [LEDGER.head]},
}
STEPS = E.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 2)
CONTRACT = E.Contract(name="c", energy=E.Tariff.flat(0.3, 0.1))
POINT = {"name": "p", "member": "a", "contract": "c", "import_kwh": [1.0, 2.0]}
EFFICIENT = {"charge_efficiency": 0.9, "discharge_efficiency": 0.9}
MAKERS = {
    "Allocation": {"players": PLAYERS, "values": [1.0, 2, 3], "kind": "cost", "method": "given"},
    "Allocation.from_dict": {"shares": {"a": 1.0}, "kind": "cost"},
    "Game.from_table": {"values": [0.0, 1.0], "players": ["a"], "kind": "cost"},
    "Game.from_dict": {"values": {("a",): 1.0}, "players": ["a"], "kind": "cost"},
    "Game.from_function": {"players": ["a"], "function": len, "kind": "cost"},
    "Game.from_pandas": {"frame": GAME.to_pandas(), "players": PLAYERS},
    "Game.load": {"path": "nowhere.game"},
    "Ledger": {"period": "2024-06", "currency": "EUR", "bills": LEDGER.bills},
    "LedgerHead": LEDGER.head.to_dict(),
    "PeriodGame": {"players": ["a"], "function": len, "periods": ["mon"], "kind": "cost"},
    "PeriodGame.from_games": {"games": {"mon": GAME}},
    "energy.ClearingState.load": {"path": "nowhere.json"},
    "energy.GridAgent": {"buy_per_kwh": [0.3, 0.3], "sell_per_kwh": [0.1, 0.1]},
    "energy.MaskedAgent": {
        "label": "a",
        "agent": E.GridAgent([0.3], [0.1]),
        "shared": {"b": b"x" * 32},
    },
    "energy.MemberAgent": {
        "steps": ["2024-06-01T12:00", "2024-06-01T12:15"],
        "load_kwh": [1.0, 2.0],
    },
    "energy.Battery": {"owner": "a", "energy_kwh": 3.0, "power_kw": 1.0, **EFFICIENT},
    "energy.Block": {"above_kwh": 3.0, "surcharge_per_kwh": 0.1},
    "energy.Calendar": {"zone": "Europe/Madrid", "holidays": ["2024-06-01"]},
    "energy.CalendarHours": {},
    "energy.Community": {
        "members": ["a"],
        "steps": STEPS,
        "load_kwh": [[1.0, 2.0]],
        "tariff": E.Tariff.flat(0.3, 0.1),
    },
    "energy.Contract": {"name": "c", "energy": E.Tariff.flat(0.3, 0.1)},
    "energy.DemandBidding": {
        "cost_quadratic": [0.02, 0.03],
        "cost_linear": [0.1, 0.1],
        "demand_kwh": [4.0, 3.0],
        "sensitivity": 10.0,
    },
    "energy.DemandCharge": {"price_per_kw": 3.0},
    "energy.DynamicKey": {},
    "energy.EqualKey": {},
    "energy.FixedFee": {"label": "meter", "price": 1.0},
    "energy.GivenKey": {"points": ["a"], "parts": [[0.5, 1.0]], "steps": STEPS},
    "energy.Grid": {},
    "energy.HierarchicalKey": {"groups": [["a"], ["b"]]},
    "energy.Line": {"name": "lane", "members": ["a"], "limit_kw": 3.0},
    "energy.MeteringPoint": POINT,
    "energy.PairwiseKey": {"keys": {"roof": E.DynamicKey()}},
    "energy.PeakShaving": {"threshold_kw": 1.0},
    "energy.PremiumPlant": {"power_kw": 50.0, "zone": "north", "technology": "photovoltaic"},
    "energy.PremiumScheme.from_json": {"path": "nowhere.json"},
    "energy.PremiumScheme.shipped": {"name": "italy_2024"},
    "energy.PriceBand": {"buy_per_kwh": 0.3, "sell_per_kwh": 0.1},
    "energy.PriceSeries": {"steps": STEPS, "buy_per_kwh": [0.3, 0.3], "sell_per_kwh": [0.1, 0.1]},
    "energy.OperatorSeries": OPERATOR,
    "energy.OperatorSeries.from_csv": {"path": "nowhere.csv"},
    "energy.PublicGrid": {
        "points": [E.MeteringPoint(**POINT)],
        "steps": STEPS,
        "contracts": [CONTRACT],
    },
    "energy.Risk": {"level": 0.9},
    "energy.Risk.worst_case": {},
    "energy.Scenarios": {"communities": [WORLD]},
    "energy.SelfConsumption": {},
    "energy.SeveralSellers": {"congestion": [0.5, 0.4], "cost": [0.1, 0.1]},
    "energy.SharingCoefficients": {"members": ["a"], "values": [1.0]},
    "energy.StaticKey": {"coefficients": {"a": 0.5, "b": 0.5}},
    "energy.GaussianStorage": {
        "members": ["a"],
        "mean_peak_kwh": [1.0],
        "peak_covariance": [[1.0]],
        "off_peak_price": 0.1,
        "peak_price": 0.4,
        "storage_price": 0.05,
    },
    "energy.GenerationOffer": {
        "name": "roof",
        "price_per_kw_day": 0.4,
        "profile": [1.0, 2.0],
    },
    "energy.StorageOffer": {
        "name": "cells",
        "price_per_kwh_year": 9.0,
        "price_per_kw_year": 5.0,
        **EFFICIENT,
    },
    "energy.StorageCloud": {"community": WORLD, "capacity_cost_per_kwh_day": 0.05},
    "energy.StorageWindow": {"action": "charge"},
    "energy.Tariff": {"bands": [E.PriceBand(0.3, 0.1)]},
    "energy.Tax": {"label": "VAT", "per_cent": 20.0},
    "energy.TimeSteps": {
        "start": "2024-06-01T12:00",
        "step": np.timedelta64(1, "h"),
        "n_steps": 2,
    },
    "energy.TimeWindows": {"windows": [E.StorageWindow(action="charge")]},
    "energy.TwoPeriodStorage": {
        "members": ["a"],
        "off_peak_kwh": [1.0],
        "peak_kwh": [1.0],
        "off_peak_price": 0.1,
        "peak_price": 0.2,
    },
    "errors.Fault": {"what": "a line is missing"},
    "estimators.BoostedTrees": {},
    "estimators.KernelRidge": {},
    "estimators.PairedRegression": {},
    "estimators.Permutations": {},
    "estimators.SampleReuse": {},
    "estimators.Stratified": {},
    "estimators.TwoStage": {},
    "markets.Matching": {"worth": [[1.0, 2.0]]},
    "markets.Matching.from_bids": {"bids": {"ann": 2.0}, "offers": {"sun": 1.0}},
    "markets.NetworkMarket": {
        "buses": ["north"],
        "lines": [],
        "orders": [("wind", "north", "offer", 1.0, 2.0)],
    },
    "markets.OrderBook": {
        "participants": ["a"],
        "participant": [0],
        "is_bid": [True],
        "price_per_kwh": [1.0],
        "quantity_kwh": [1.0],
    },
    "markets.MarketPrices": {
        "times": np.array(["2024-06-01T12:00"], dtype="datetime64[m]"),
        "price_per_kwh": [0.05],
        "currency": "EUR",
        "area": "made up",
        "step": np.timedelta64(1, "h"),
    },
    "markets.OrderBook.from_orders": {"orders": [("ann", "bid", 8, 1)]},
    "markets.OrderBook.from_pandas": {
        "frame": pd.DataFrame(
            {
                "participant": ["ann"],
                "side": ["bid"],
                "price_per_kwh": [8.0],
                "quantity_kwh": [1.0],
                "period": [0],
            }
        )
    },
    "markets.PublicChoice": {
        "worth": {"ann": {"none": 0, "battery": 9}},
        "cost": {"battery": 6},
        "shares": [1.0],
    },
    "markets.StorageAuction": {
        "bundles": [("shop", 6.0, 10, 4, [0, 1])],
        "energy_kwh": 12,
        "power_kw": 8,
        "n_periods": 2,
    },
}
FOUND = frozenset(
    {
        "BestPartition",
        "Game",
        "Report",
        "energy.AgentClearing",
        "energy.BestGivenKey",
        "energy.BestStaticKey",
        "energy.BiddingEquilibrium",
        "energy.BiddingOptimum",
        "energy.Bill",
        "energy.BillLine",
        "energy.BrokenIdentity",
        "energy.BuyerDrift",
        "energy.ClassPremium",
        "energy.CostReportScan",
        "energy.DeviationScan",
        "energy.ClearingState",
        "energy.CommunityAgents",
        "energy.CloudOffer",
        "energy.CoreRent",
        "energy.CostOfRisk",
        "energy.DispatchOracle",
        "energy.LeaderPrice",
        "energy.LeaderPricesByStep",
        "energy.EquilibriumCheck",
        "energy.ImbalanceSettlement",
        "energy.NearestKey",
        "energy.KeyDifference",
        "energy.OwnAccounts",
        "energy.PeakShare",
        "energy.Pool",
        "energy.PowerClass",
        "energy.PremiumScheme",
        "energy.PublishedTariff",
        "energy.Question",
        "energy.ScenarioSettlement",
        "energy.Schedule",
        "energy.SellersEquilibrium",
        "energy.SetApart",
        "energy.SharingPremium",
        "energy.StorageDemand",
        "energy.StorageNeed",
        "energy.StorageStatement",
        "markets.BudgetBalance",
        "markets.CorePoint",
        "markets.MatchingSettlement",
        "markets.MisreportScan",
        "markets.NetworkSettlement",
        "markets.OneBusSettlement",
        "markets.PropertyReport",
        "markets.PublicChoiceSettlement",
        "markets.Settlement",
        "markets.StorageSettlement",
        "markets.Verdict",
    }
)
"""Classes of what functions return, and nobody makes himself; of evidence there are more."""


def calls():
    """Return each public function by its name, with arguments that are right."""
    found = {}
    for name in NAMES.read_text(encoding="utf-8").split():
        module, _, attribute = name.rpartition(".")
        function = getattr(importlib.import_module(module), attribute)
        short = name.removeprefix("sesgame.")
        if inspect.isfunction(function) and not short.startswith(("plots.", "testing.")):
            found[short] = function, arguments(short, function)
    for short, given in MAKERS.items():
        found[short] = operator.attrgetter(short)(sg), given
    return found


def arguments(short, function):
    if short in CALLS:
        return CALLS[short]
    parameters = inspect.signature(function).parameters
    first = next(iter(parameters))
    if first == "game":
        return {"game": GAME, **BY_GAME.get(short, {})}
    assert first in MARKETS, f"{short} has no call in this file"
    return {first: MARKETS[first]()}


ALL = calls()


def test_every_class_that_somebody_makes_has_a_maker():
    made = {
        name.removeprefix("sesgame.")
        for name, kind in public_classes().items()
        if not (issubclass(kind, (Exception, tuple)) or inspect.isabstract(kind))
        and not name.startswith("sesgame.evidence.")
        and not (isinstance(kind, type) and issubclass(kind, sg.evidence.Evidence))
    }
    assert made - FOUND == {name for name in MAKERS if name in made}
    assert made >= FOUND


@pytest.mark.parametrize("short", ALL)
def test_the_call_is_right(short, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    function, given = ALL[short]
    if "nowhere" in str(given.get("path")):
        pytest.skip("there is no such file")
    function(**given)


def answer(function, given, name, wrong):
    """Return the error that is not ours, if that is what comes out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(**{**given, name: wrong})
    except sg.errors.SesgameError as error:
        return None if str(error) else error
    except Exception as error:
        return error
    return None


def wrong_answers(short, given_instead):
    """Return what comes out in place of an error of ours, for each argument in turn."""
    function, given = ALL[short]
    raw = []
    for name in inspect.signature(function).parameters:
        for wrong in given_instead:
            # What a function of somebody else's raises is theirs.
            is_theirs = name in ("mechanism", "done", "rule") and wrong is len
            if is_theirs or name in ("options", "executor"):
                continue
            error = answer(function, given, name, wrong)
            if error is not None:
                shown = f"{type(wrong).__name__} {str(wrong)[:20]!r}"
                raw.append(f"{name} = {shown}: {type(error).__name__}: {error}")
    return raw


@pytest.mark.parametrize("short", ALL)
def test_a_wrong_argument_is_answered(short, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    raw = wrong_answers(short, FEW)
    assert not raw, "\n".join(["", *raw])


@pytest.mark.slow
@pytest.mark.parametrize("short", ALL)
def test_anything_wrong_is_answered(short, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    raw = wrong_answers(short, WRONG)
    assert not raw, "\n".join(["", *raw])
