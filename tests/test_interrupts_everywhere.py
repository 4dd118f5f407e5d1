"""Ctrl-C at drawn moments in every public function that may take long: each ends, and says so.

``python -m pytest -s tests/test_interrupts_everywhere.py`` prints how soon; nothing depends on it.
"""

import random

import pytest
from fixtures.interrupts import NEEDS_SIGNALS, interrupted

MOMENTS = 3
LONGEST_WAIT = 3.0
"""Seconds after its begin within which each call is interrupted."""

RURAL13 = """
from pathlib import Path
village = sg.energy.Community.from_csv(Path(sg.__file__).parent / "examples" / "rural13")
year = village.period("2016-01-01", "2017-01-01")
"""
MANY = """
random = np.random.default_rng(0)
def community(n, days, batteries=True):
    steps = sg.energy.TimeSteps.from_times(
        [f"{np.datetime64('2016-06-01T00') + np.timedelta64(k, 'h')}:00" for k in range(24 * days)]
    )
    hours = np.arange(24 * days)
    price = 0.2 + 0.1 * (hours % 24 > 16)
    return sg.energy.Community(
        members=[f"m{i}" for i in range(n)],
        steps=steps,
        load_kwh=random.uniform(0, 3, (n, 24 * days)),
        pv_kwh=random.uniform(0, 4, (n, 24 * days)) * (abs(hours % 24 - 12) < 6),
        tariff=sg.energy.PriceSeries(steps, price, price / 2),
        batteries=[
            sg.energy.Battery(
                owner=f"m{i}", energy_kwh=3 + i % 4, power_kw=1 + i % 3,
                charge_efficiency=0.9 + 0.01 * (i % 5), discharge_efficiency=0.9,
            )
            for i in range(0, n, 2)
        ],
    )
"""
TABLE = """
random = np.random.default_rng(0)
def table(n, noise=0.3):
    sizes = np.zeros(1)
    for _ in range(n):
        sizes = np.append(sizes, sizes + 1)
    values = sizes**1.5 * (1 + noise * random.random(1 << n))
    return sg.Game.from_table(values, kind="gain")
"""
AUCTION = """
random = np.random.default_rng(7)
value, energy, power = random.random((3, 200)) * 10 + np.array([[50], [20], [20]])
first = random.integers(0, 3, 200)
auction = sg.markets.StorageAuction(
    [(k, value[k], energy[k], power[k], (first[k], first[k] + 1)) for k in range(200)],
    energy_kwh=150, power_kw=150, n_periods=4,
)
"""
BOOK = """
random = np.random.default_rng(3)
book = sg.markets.OrderBook.from_orders(
    [(f"p{k}", "bid" if k % 2 else "offer", float(random.uniform(5, 15) + 4 * (k % 2)),
      float(random.uniform(1, 9))) for k in range(60)]
)
"""
NETWORK = """
random = np.random.default_rng(4)
size = 40
buses = [(i, j) for i in range(size) for j in range(size)]
lines = [((i, j), (i + 1, j), 0.1 + random.random(), 20 + 40 * random.random())
         for i in range(size - 1) for j in range(size)]
lines += [((i, j), (i, j + 1), 0.1 + random.random(), 20 + 40 * random.random())
          for i in range(size) for j in range(size - 1)]
network = sg.markets.NetworkMarket(
    buses, lines,
    [(f"g{k}", buses[random.integers(len(buses))], "offer", float(random.uniform(10, 90)),
      float(random.uniform(5, 50))) for k in range(900)],
    demand_mw={bus: float(random.uniform(0, 8)) for bus in buses}, value_of_lost_load=3000.0,
)
"""

CASES = {
    "Game.tabulate, pooled battery": (RURAL13, "year.cost_game().tabulate(progress=False)"),
    "Game.tabulate, linear program": (
        MANY + "here = community(13, 7)",
        "here.cost_game(model='linear').tabulate(progress=False)",
    ),
    "Community.cost_game, linear program": (
        MANY + "here = community(30, 60)",
        "here.cost_game(model='linear')",
    ),
    "owen_allocation, linear program": (
        MANY + "here = community(20, 20)",
        "sg.owen_allocation(here, model='linear', progress=False)",
    ),
    "least_core, separation": (
        MANY + "here = community(40, 3)\ngame = here.cost_game(model='linear')\n"
        "oracle = here.separation_oracle(model='linear')",
        "sg.least_core(game, oracle=oracle, progress=False)",
    ),
    "nucleolus, separation": (
        MANY + "here = community(25, 2)\ngame = here.cost_game(model='linear')\n"
        "oracle = here.separation_oracle(model='linear')",
        "sg.nucleolus(game, oracle=oracle, progress=False)",
    ),
    "audit, separation": (
        MANY + "here = community(40, 3)\ngame = here.cost_game(model='linear')\n"
        "oracle = here.separation_oracle(model='linear')\n"
        "equal = sg.equal_surplus_allocation(game, progress=False)",
        "sg.audit(game, equal, oracle=oracle, progress=False)",
    ),
    "clear_by_agents": (
        MANY + "agents = community(60, 4).agents()",
        "sg.energy.clear_by_agents(agents, tolerance=1e-14, max_rounds=10**6, progress=False)",
    ),
    "bargained_dispatch": (
        "import highspy\n" + MANY + "here = community(8, 20)",
        "sg.energy.bargained_dispatch(here, progress=False)",
    ),
    "clustered_nucleolus": (RURAL13, "sg.energy.clustered_nucleolus(year, 6, progress=False)"),
    "vcg, storage auction": (AUCTION, "sg.markets.vcg(auction)"),
    "StorageAuction.clear": (AUCTION, "auction.clear()"),
    "core_selecting, storage auction": (AUCTION, "sg.markets.core_selecting(auction)"),
    "core_selecting, order book": (BOOK, "sg.markets.core_selecting(book)"),
    "vcg, network": (NETWORK, "sg.markets.vcg(network)"),
    "nodal_pricing": (NETWORK, "sg.markets.nodal_pricing(network)"),
    "nodal_pricing(...).properties": (
        NETWORK + "nodal = sg.markets.nodal_pricing(network)",
        "nodal.properties(scan=[])",
    ),
    "misreport_scan": (
        BOOK,
        "sg.misreport_scan(sg.markets.uniform_price, 'p1', book, progress=False)",
    ),
    "shapley_value, table": (TABLE + "game = table(20)", "sg.shapley_value(game)"),
    "banzhaf_value, table": (TABLE + "game = table(20)", "sg.banzhaf_value(game)"),
    "nucleolus, table": (TABLE + "game = table(19)", "sg.nucleolus(game, progress=False)"),
    "prenucleolus, table": (TABLE + "game = table(20)", "sg.prenucleolus(game, progress=False)"),
    "per_capita_nucleolus, table": (
        TABLE + "game = table(18)",
        "sg.per_capita_nucleolus(game, progress=False)",
    ),
    "least_core, table": (TABLE + "game = table(20)", "sg.least_core(game, progress=False)"),
    "core_existence": (TABLE + "game = table(20)", "sg.core_existence(game, progress=False)"),
    "nearest_core_allocation": (
        TABLE + "game = table(18)\nnear = np.arange(18.0)",
        "sg.nearest_core_allocation(game, reference=near, progress=False)",
    ),
    "leximin_core_allocation": (
        TABLE + "game = table(18)",
        "sg.leximin_core_allocation(game, progress=False)",
    ),
    "nash_bargaining_in_core": (
        TABLE + "game = table(18, noise=0.0)",
        "sg.nash_bargaining_in_core(game, progress=False)",
    ),
    "game_properties": (TABLE + "game = table(15)", "sg.game_properties(game, progress=False)"),
    "kernel_check": (
        TABLE + "game = table(20)\nx = sg.shapley_value(game)",
        "sg.kernel_check(game, x, progress=False)",
    ),
    "audit, table": (
        TABLE + "game = table(20)\nx = sg.shapley_value(game)",
        "sg.audit(game, x, progress=False)",
    ),
    "shapley_value, Owen's integral": (
        "random = np.random.default_rng(0)\n"
        "game = sg.games.excess(random.random((300, 400)), limit=70.0, price=1.0)",
        "sg.shapley_value(game, progress=False)",
    ),
    "shapley_estimate": (
        RURAL13 + "game = year.cost_game()",
        "sg.shapley_estimate(game, seed=0, max_evaluations=10**6, progress=False)",
    ),
    "nested_shapley_value": (
        RURAL13 + "game = year.cost_game()\n"
        "unions = [game.players[:4], game.players[4:9], game.players[9:]]",
        "sg.nested_shapley_value(game, unions, progress=False)",
    ),
    "shapley_by_period": (
        RURAL13
        + "days = [f'2016-06-{day:02}' for day in range(1, 15)]\n"
        + "game = sg.PeriodGame.from_games({day: village.cost_game(start=day, end=after)"
        + " for day, after in zip(days, days[1:])})",
        "sg.shapley_by_period(game, progress=False)",
    ),
    "settle_many": (
        RURAL13 + "months = year.months()",
        "list(sg.settle_many(months, ['shapley', 'dual-prices'], progress=False))",
    ),
    "compare": (RURAL13, "sg.compare(year, progress=False)"),
}


@NEEDS_SIGNALS
@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_ctrl_c_ends_it_at_any_moment(name):
    setup, call = CASES[name]
    draw = random.Random(name)
    moments = [draw.uniform(0.05, LONGEST_WAIT) for _ in range(MOMENTS)]
    ended = [interrupted(setup, call, moment) for moment in moments]
    print(f"\n| {name} |", " | ".join(f"{end.seconds:.2f} s" for end in ended), "|", end="")
    for end in ended:
        assert end.usable, end.errors
