"""The same problem in the form of each package: what is timed, and the answer that is compared.

Runs in the environment of the peers (``make bench-peers``). A *series* is a problem in growing
sizes; ``prepare(size)`` returns a function without arguments that solves it, and making that
function, which puts the numbers into the form that the package wants, is not timed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import sesgame as sg
from numpy.typing import NDArray
from sesgame.markets import OrderBook, trade_reduction, uniform_price
from stability_figures import random_table

Array = NDArray[np.float64]
Answer = list[float]
Solve = Callable[[], Answer]
OWN = "sesgame"


class Series(NamedTuple):
    """A problem, its sizes, what prepares it for each package, and in which environment."""

    title: str
    sizes: tuple[int, ...]
    packages: dict[str, Callable[[Any], Solve]]
    problem: Callable[[int], Any]
    group: str = "peers"


def normal_table(n_players: int) -> Array:
    """Return normally distributed values."""
    table = np.random.default_rng(n_players).normal(size=1 << n_players)
    table[0] = 0
    return table


def orders(size: int) -> list[tuple[bool, float, float]]:
    """Return that many bids and offers: (is bid, price, quantity), no two prices the same."""
    random = np.random.default_rng(size)
    prices = random.permutation(10 * size) / 10
    return [
        (k % 2 == 0, float(price), float(random.integers(1, 10)))
        for k, price in enumerate(prices[:size])
    ]


def own_game(table: Array) -> sg.Game:
    return sg.Game.from_table(table, kind="gain")


def own(rule: Callable[[sg.Game], Answer], table: Array) -> Solve:
    return partial(rule, own_game(table))


def of_coopgame(rule: Callable[[Any, Any], Answer], table: Array) -> Solve:
    import coopgame

    return partial(rule, coopgame, coopgame.Game(table[1:]))


def of_tucoopy(rule: Callable[[Any], Answer], table: Array) -> Solve:
    import tucoopy

    game = tucoopy.Game(len(table).bit_length() - 1, dict(enumerate(table.tolist())))
    return partial(rule, game)


def of_coopgt(rule: Callable[[Any], Answer], table: Array) -> Solve:
    members = range(len(table).bit_length() - 1)
    by_size = sorted(range(len(table)), key=lambda mask: (mask.bit_count(), mask))
    function = {
        tuple(i + 1 for i in members if mask >> i & 1): float(table[mask]) for mask in by_size
    }
    return partial(rule, function)


def shapley_of_coopgt(function: Any) -> Answer:
    from coopgt import shapley_value

    return [float(share) for share in shapley_value.calculate(function)]


def core_of_coopgt(function: Any) -> Answer:
    from coopgt import core

    return [float(core.find_core_point(function) is None)]


def shapley_of_tucoopy(game: Any) -> Answer:
    from tucoopy.solutions.shapley import shapley_value_fast

    return shapley_value_fast(game)


def nucleolus_of_tucoopy(game: Any) -> Answer:
    from tucoopy.solutions.nucleolus import nucleolus

    return list(nucleolus(game).x)


def least_core_of_tucoopy(game: Any) -> Answer:
    from tucoopy.solutions.least_core import least_core_epsilon_star

    return [least_core_epsilon_star(game)]


def shapley_of_shapiq(table: Array) -> Solve:
    import shapiq

    n_players = len(table).bit_length() - 1
    bits = 1 << np.arange(n_players)

    def values(coalitions: Any) -> Array:
        return table[np.asarray(coalitions, dtype=np.int64) @ bits]

    def solve() -> Answer:
        found = shapiq.ExactComputer(values, n_players)("SV", 1)
        return [float(found[(player,)]) for player in range(n_players)]

    return solve


def shapley_of_shapley_numba(table: Array) -> Solve:
    import numba
    import shapley_numba
    from shapley_numba.shapley import shapley

    @shapley_numba.numba_game([("table", numba.float64[::1])])
    class TableGame:
        def __init__(self, table: Array) -> None:
            self.table = table

        def value(self, subset: NDArray[np.int32]) -> float:
            mask = 0
            for player in range(len(subset)):
                mask |= subset[player] << player
            return self.table[mask]

    shapley(TableGame(table[:2].copy()), 1)  # compiles
    game, n_players = TableGame(table), len(table).bit_length() - 1
    return lambda: [float(share) for share in shapley(game, n_players)]


def own_book(rows: list[tuple[bool, float, float]]) -> OrderBook:
    return OrderBook.from_orders(
        [(k, "bid" if bid else "offer", price, kwh) for k, (bid, price, kwh) in enumerate(rows)]
    )


def own_trade_reduction(rows: Any) -> Solve:
    book = own_book(rows)

    def solve() -> Answer:
        found = trade_reduction(book)
        traded = found.accepted_kwh > 0
        prices = found.payments / np.where(traded, found.accepted_kwh, 1)
        buyer, seller = traded & book.is_bid, traded & ~book.is_bid
        return [
            float(prices[buyer].mean()), float(-prices[seller].mean()),
            float(found.accepted_kwh[buyer].sum()),
        ]  # fmt: skip

    return solve


def own_welfare(rows: Any) -> Solve:
    book = own_book(rows)
    return lambda: [uniform_price(book).welfare]


def pymarket_bids(rows: Any) -> Any:
    import pymarket

    market = pymarket.Market()
    for user, (bid, price, kwh) in enumerate(rows):
        market.accept_bid(kwh, price, user, bid)
    return market


def trade_reduction_of_pymarket(rows: Any) -> Solve:
    market = pymarket_bids(rows)

    def solve() -> Answer:
        _, found = market.run("huang")
        return [float(found[key]) for key in ("price_buy", "price_sell", "quantity_traded")]

    return solve


def welfare_of_pymarket(rows: Any) -> Solve:
    from pymarket.statistics import maximum_aggregated_utility

    bids = pymarket_bids(rows).bm.get_df()
    return lambda: [float(maximum_aggregated_utility(bids)[1])]


def nucleolus_series(kind: int, title: str) -> Series:
    packages: dict[str, Callable[[Any], Solve]] = {
        OWN: partial(own, lambda game: sg.nucleolus(game).values.tolist()),
        "coopgame-py": partial(
            of_coopgame, lambda package, game: list(package.nucleolus(game)["allocation"])
        ),
        "tucoopy": partial(of_tucoopy, nucleolus_of_tucoopy),
    }
    return Series(title, (8, 12, 16, 20, 22), packages, lambda n: random_table(kind, n, 0))


SERIES = {
    "shapley": Series(
        "Exact Shapley value of normally distributed values",
        (8, 10, 16, 20, 24),
        {
            OWN: partial(own, lambda game: sg.shapley_value(game).values.tolist()),
            "coopgame-py": partial(
                of_coopgame, lambda package, game: list(package.shapley(game))
            ),
            "coopgt": partial(of_coopgt, shapley_of_coopgt),
            "shapiq": shapley_of_shapiq,
            "shapley-numba": shapley_of_shapley_numba,
            "tucoopy": partial(of_tucoopy, shapley_of_tucoopy),
        },
        normal_table,
    ),
    "nucleolus-sizes": nucleolus_series(1, "Nucleolus, values that grow with the coalition"),
    "nucleolus-flat": nucleolus_series(4, "Nucleolus, values that do not"),
    "least-core": Series(
        "Value of the least core, values that grow with the coalition",
        (8, 12, 16, 20),
        {
            OWN: partial(own, lambda game: [sg.least_core(game).evidence.value]),
            "coopgame-py": partial(
                of_coopgame,
                lambda package, game: [package.least_core(game, "preimputation")["epsilon"]],
            ),
            "tucoopy": partial(of_tucoopy, least_core_of_tucoopy),
        },
        lambda n: random_table(1, n, 0),
    ),
    "core": Series(
        "Whether the core is empty, values that do not grow with the coalition",
        (8, 12, 16, 20),
        {
            OWN: partial(own, lambda game: [float(sg.core_existence(game).is_empty)]),
            "coopgame-py": partial(
                of_coopgame, lambda package, game: [float(not game.has_nonempty_core())]
            ),
            "coopgt": partial(of_coopgt, core_of_coopgt),
        },
        lambda n: random_table(4, n, 0),
    ),
    "trade-reduction": Series(
        "Double auction with trade reduction: the two prices and the quantity",
        (20, 100, 500, 2000),
        {OWN: own_trade_reduction, "pymarket": trade_reduction_of_pymarket},
        orders,
        "auction-peers",
    ),
    "welfare": Series(
        "The largest welfare of bids and offers",
        (20, 100, 300),
        {OWN: own_welfare, "pymarket": welfare_of_pymarket},
        orders,
        "auction-peers",
    ),
}  # fmt: skip


def is_proved(series: str, size: int) -> bool | None:
    """Return whether a certificate, which shares no code with the solver, confirms our answer."""
    problem = SERIES[series].problem(size)
    if series.startswith("nucleolus"):
        game = own_game(problem)
        return bool(sg.nucleolus(game).evidence.verify(game))
    if series == "least-core":
        game = own_game(problem)
        return bool(sg.least_core(game).evidence.verify(game))
    return None


def versions(group: str) -> dict[str, str]:
    """Return the versions of the packages that are compared in an environment."""
    groups = [series.packages for series in SERIES.values() if series.group == group]
    names = {name for packages in groups for name in packages} - {OWN}
    return {name: version(name) for name in sorted(names)}


def quietly(solve: Solve) -> Answer:
    """Return the answer, without what a library warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return solve()
