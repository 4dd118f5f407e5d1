"""``sg.compare``: rules side by side on a game or on a market."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, overload

from sesgame.comparison.applying import Compared, compared, named_rules, usual_rules
from sesgame.comparison.comparison import Comparison
from sesgame.comparison.market_comparison import ComparedMechanism, MarketComparison
from sesgame.comparison.row import ComparedRule
from sesgame.comparison.settling import Settling, mechanisms_compared
from sesgame.errors import AllocationError, GameError
from sesgame.game.door import checked_arguments
from sesgame.markets.market import ClearableMarket
from sesgame.rule import AllocationProblem
from sesgame.stability.audit import check_tolerance

if TYPE_CHECKING:
    from sesgame.game.game import Game
    from sesgame.game.separation import SeparationOracle
    from sesgame.game.world import World

__all__ = ["compare"]

N_CLUSTERS = 12
"""Of the rule that clusters."""


@overload
def compare(
    game: Game | World,
    rules: Iterable[Compared] | Mapping[str, Compared] | None = ...,
    *,
    oracle: SeparationOracle | None = ...,
    model: str | None = ...,
    seed: int = ...,
    n_clusters: int = ...,
    max_seconds: float | None = ...,
    tolerance: float | None = ...,
    unit: str | None = ...,
    baseline: str | None = ...,
    progress: bool = ...,
    done: Callable[[ComparedRule], None] | None = ...,
    **options: Any,
) -> Comparison: ...
@overload
def compare(
    game: ClearableMarket,
    rules: Iterable[Settling] | Mapping[str, Settling] | None = ...,
    *,
    seed: int = ...,
    max_seconds: float | None = ...,
    unit: str | None = ...,
    progress: bool = ...,
    done: Callable[[ComparedMechanism], None] | None = ...,
) -> MarketComparison: ...
@checked_arguments
def compare(
    game: Game | World | ClearableMarket,
    rules: Any = None,
    *,
    oracle: SeparationOracle | None = None,
    model: str | None = None,
    seed: int = 0,
    n_clusters: int = N_CLUSTERS,
    max_seconds: float | None = None,
    tolerance: float | None = None,
    unit: str | None = None,
    baseline: str | None = None,
    progress: bool = True,
    done: Callable[[Any], None] | None = None,
    **options: Any,
) -> Comparison | MarketComparison:
    r"""Show side by side what several rules do on one game or market, and what holds of each.

    One row for each rule: what it hands out or collects in all; what is lost against the optimum
    v(N), where a rule makes an arrangement of its own; is it efficient, which is to say that it
    hands out exactly what its arrangement gains or costs; individually rational, nobody better
    off alone; in the core, no coalition better off on its own; the budget surplus; how savings
    against standing alone are spread, by the least, the greatest, the standard deviation and the
    Gini coefficient

    .. math:: G = \frac{\sum_i \sum_j |s_i - s_j|}{2 n \sum_i s_i};

    how many coalitions the rule evaluated, and how long it took. Above the rows of a community
    stands of what period all of them are, what standing alone means, and what is bought.

    On a market the rules are mechanisms: one row each, with the verdicts of
    :meth:`OneBusSettlement.properties <sesgame.markets.OneBusSettlement.properties>`, and what
    everybody pays.

    Parameters
    ----------
    game : Game, Community or another world, OrderBook, NetworkMarket or StorageAuction
        Up to 30 players are tabulated, once for all rules. The largest excess of a larger
        community is found by separation; of another larger game only with an oracle.
    rules : iterable or mapping of str to rule, optional
        Each an :class:`Allocation`; what has an ``allocation()``, such as a storage cloud or prices
        that agents have found; or the name of a rule as in ``sesgame allocate``: ``"shapley"``,
        ``"nucleolus"``, ...; ``"all"`` stands for all of them. A mapping gives the rows names of
        your own. By default the rules that fit the game. On a market a name as in ``sesgame
        auction``, a mechanism of your own, or a settlement; by default all that take the market.
    oracle : SeparationOracle, optional
        That finds the coalition with the largest excess, instead of a table; see :func:`audit`.
    model : {"battery", "netting", "merged", "linear"}, optional
        Of a community; see :meth:`Community.cost_game <sesgame.energy.Community.cost_game>`.
    seed, n_clusters : int
        For rules that sample or cluster.
    max_seconds : float, optional
        Time limit of each separation search, where there is no table; by default 300. On a market
        that of the properties of each rule.
    tolerance : float, optional
        What counts as equal, as in :func:`audit`.
    unit : str, optional
        The currency, for people; by default that of the community.
    baseline : str, optional
        The name of the row that savings are measured against, say of the rule that is in force:
        by how much each player is better off under another row than under this one. Without
        `rules`, the rule of that name is compared beside those that fit. By default standing alone.
    progress : bool, default True
        Show progress where standard error is a terminal.
    done : callable, optional
        What is told of each rule as soon as it is applied, or has failed; savings are then
        against standing alone.
    **options
        Of rules that take more: ``weights`` of a semivalue, ``unions`` of an Owen value, the
        ``reference`` of a point of the core, as for their functions.

    Returns
    -------
    Comparison or MarketComparison
        With a row for each rule, in the order of `rules`. A rule that fails, say because there are
        too many players, has its row all the same, with the reason; so has an allocation whose
        evidence the game refutes, such as the peaks that a demand charge is paid on, and an
        arrangement of another period, with other costs alone, or with other terms of investment
        than `terms` of the comparison say (:class:`~sesgame.evidence.CostBasis`).

    Raises
    ------
    AllocationError
        There is nothing to compare, an allocation does not fit the game, `tolerance` is out of its
        range, or the baseline is no row or has no allocation.
    GameError
        There is no rule of that name, an option is of no rule that is compared, `model` is given
        for a game that is no community, or for a market something that is for games only.
    CharacteristicFunctionError
        A value of the game is not a finite number.

    Notes
    -----
    Beyond 30 players and without an oracle, efficiency and individual rationality are still told,
    from the 2n + 1 coalitions of 1, n - 1 and n players; of the core nothing is
    proved.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_table([0, 0, 0, 4, 0, 4, 4, 5], ["a", "b", "c"], kind="gain")
    >>> comparison = sg.compare(game, ["shapley", "vcg"])
    >>> comparison["shapley"].audit.worst_coalition
    ('a', 'b')
    >>> comparison["vcg"].budget_balance
    2.0
    >>> sg.compare(game, ["shapley", "vcg"], baseline="shapley")["vcg"].savings.round(4).tolist()
    [-0.6667, -0.6667, -0.6667]

    >>> book = sg.markets.OrderBook.from_orders(
    ...     [("ann", "bid", 9, 1), ("bob", "bid", 5, 1), ("eve", "offer", 3, 1)]
    ... )
    >>> settled = sg.compare(book, ["vcg", "pay-as-bid"])
    >>> settled["vcg"].properties.incentive_compatible
    True
    >>> settled["pay-as-bid"].properties.misreport_gain
    6.0
    """
    if isinstance(game, ClearableMarket):
        for_games = {
            "oracle": oracle is not None,
            "model": model is not None,
            "n_clusters": n_clusters != N_CLUSTERS,
            "tolerance": tolerance is not None,
            "baseline": baseline is not None,
            **dict.fromkeys(options, True),
        }
        if given := [name for name, is_given in for_games.items() if is_given]:
            raise GameError(f"{', '.join(given)} is for games, not for markets such as {game!r}")
        return mechanisms_compared(
            game,
            rules,
            seed=seed,
            max_seconds=max_seconds,
            unit=unit or "",
            progress=progress,
            done=done,
        )
    problem = AllocationProblem.of(
        game,
        model=model,
        max_seconds=max_seconds,
        oracle=oracle,
        options={"seed": seed, "n_clusters": n_clusters, **options},
    )
    if rules is None:
        rules = usual_rules(problem, baseline)
    named = named_rules(rules, problem.game)
    if baseline is not None and baseline not in named:
        raise AllocationError(
            f'the baseline "{baseline}" is not compared; choose from {", ".join(named)}'
        )
    check_tolerance(tolerance)
    seconds = None
    if problem.has_table:
        start = perf_counter()
        problem.game.tabulate(progress=progress)
        seconds = perf_counter() - start
    found = compared(
        problem, named, baseline=baseline, tolerance=tolerance, progress=progress, done=done
    )
    return replace(found, unit=found.unit if unit is None else unit, table_seconds=seconds)
