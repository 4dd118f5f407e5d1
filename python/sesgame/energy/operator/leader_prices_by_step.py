r"""A leader's prices by step, for a community whose members answer with their batteries.

The leader buys and sells for all. Members face its prices instead of the grid's, and each runs its
own storage as is best for itself. The leader knows that, and chooses prices that earn it the most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.energy.community import Community
from sesgame.energy.dispatch.model import chosen
from sesgame.energy.operator.leader_evidence import LeaderPricesEvidence, payments
from sesgame.energy.operator.leader_program import LeaderProgram
from sesgame.energy.operator.leader_search import Found, least_profit, searched
from sesgame.errors import GameError
from sesgame.formatting import count
from sesgame.game.allocation import Allocation
from sesgame.game.by_value import ByValue
from sesgame.game.cost_basis import CostBasis
from sesgame.game.door import checked_arguments
from sesgame.game.game import Game
from sesgame.game.players import Players
from sesgame.linear.own_thread import OwnThread
from sesgame.optional_imports import needs
from sesgame.progress import progress_report
from sesgame.rule import AllocationProblem, Promise, Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.dispatch.problem import DispatchProblem, Model
    from sesgame.energy.time_steps import Moment

    Array = NDArray[np.float64]

__all__ = [
    "LEADER_PRICE",
    "LeaderPricesByStep",
    "leader_prices_by_step",
]

MOST_CELLS = 1000
"""Batteries times steps: beyond that, not even the starts of the search are quick."""

SEARCH_SECONDS = 60.0
"""For the integer program, unless told otherwise; as a rule of a comparison never more."""

KNOWN_TO = 1e-7
"""Of all money that can flow: up to which a reply is a best one, and bills are known."""


@dataclass(frozen=True, eq=False)
class LeaderPricesByStep(ByValue):
    """A leader's prices in each step, and what members do at them.

    Attributes
    ----------
    members : tuple of hashable
        The followers.
    buy_per_kwh, sell_per_kwh : ndarray of shape (T,)
        What a kWh costs members, and earns them.
    net_kwh : ndarray of shape (n, T)
        What each member draws from the leader, less what it gives it.
    charge_kwh, discharge_kwh : ndarray of shape (n, T)
        Of each member's batteries together, at their terminals.
    profit, bound : float
        What the leader earns, and what no prices between the grid's could exceed.
    evidence : LeaderPricesEvidence
        What is proved.
    """

    members: tuple[Any, ...]
    buy_per_kwh: NDArray[np.float64]
    sell_per_kwh: NDArray[np.float64]
    net_kwh: NDArray[np.float64]
    charge_kwh: NDArray[np.float64]
    discharge_kwh: NDArray[np.float64]
    profit: float
    bound: float
    evidence: LeaderPricesEvidence

    @property
    def gap(self) -> float:
        """By how much other prices could earn more at most, in money."""
        return self.bound - self.profit

    @property
    def relative_gap(self) -> float:
        """The gap in parts of the profit; infinite where there is no profit but a gap."""
        if self.gap <= self.evidence.tolerance:
            return 0.0
        return self.gap / self.profit if self.profit > 0 else math.inf

    def allocation(self) -> Allocation:
        """Return what each member pays: the leader, and the wear of its own batteries."""
        return LEADER_PRICE.made(
            Allocation(
                Players(self.members),
                self.evidence.bills,
                kind="cost",
                method=LEADER_PRICE.title,
                tolerance=self.evidence.tolerance,
                evidence=self.evidence,
            )
        )


@checked_arguments
def leader_prices_by_step(
    community: Community,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    model: Model | None = None,
    max_seconds: float = SEARCH_SECONDS,
    relative_gap: float = 1e-4,
    progress: bool = True,
) -> LeaderPricesByStep:
    r"""Return the prices by step that earn a leader the most, for a small community.

    The leader buys from members and sells to them at :math:`\pi^b_t` and :math:`\pi^s_t`, and
    trades what they lack or have too much of with the grid, at :math:`l^b_t` and :math:`l^s_t`:

    .. math:: \max_{\pi, y} \; \sum_i \sum_t \bigl( \pi^b_t b_{it} - \pi^s_t e_{it} \bigr)
              - \sum_t \bigl( l^b_t g^+_t - l^s_t g^-_t \bigr), \qquad
              l^s_t \le \pi^s_t \le \pi^b_t \le l^b_t

    where what members buy, b, and sell, e, is a best reply: each runs its own batteries such that
    its bill and their wear are least at these prices. Members may still trade with the grid, so
    that nobody pays more than alone.

    Parameters
    ----------
    community : Community
        Billed for energy alone, in each step at prices: no demand charges, fees, limits, storage to
        buy, PV that may be left unused, controllers, or batteries that come and go. At most 1,000
        batteries times steps.
    start, end, model
        The period, and whether members use their batteries, as in
        :meth:`Community.cost_game <sesgame.energy.Community.cost_game>`: with ``"netting"`` they do
        not; in other models each runs its own.
    max_seconds : float, default 60
        Time limit of the integer program, and again of the one that finds `least_profit`. After it
        the best prices that were found are returned, with the gap that is left.
    relative_gap : float, default 1e-4
        Between profit and bound, in parts of the profit, at which to stop.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    LeaderPricesByStep
        With :class:`~sesgame.evidence.LeaderPricesEvidence`; `allocation()` is the row of
        :func:`sesgame.compare`.

    Raises
    ------
    GameError
        The community has what the program has not, by name, or is too large for it; an option is
        out of its range.
    SolverError
        HiGHS fails.
    MissingExtraError
        highspy is not installed.

    Notes
    -----
    A program of two levels. The lower one is replaced by its conditions of optimality, with a
    binary variable for each inequality that may have slack or a multiplier, and by strong duality a
    member's bill is its dual objective, linear in prices and multipliers. The constants that the
    binaries switch are bounds of multipliers, which follow from duality and are prices: no large
    number. The upper bound holds whatever happens; at first it is what all pay alone less the cost
    of the common optimum, the most that anybody could earn between the grid's prices.

    It is small: of ten members over 24 steps, three with batteries are proved to be optimal in
    under a minute; if all ten have one, a gap of up to 6 % is left after a minute
    (``benches/report/leader_gaps.py``). The starts of the search are the
    dispatches between those of members alone and the common optimum, each with the best prices that
    bring it about.

    A member may have several best replies; the one that is best for the leader is taken, without
    which no optimum need exist. `least_profit` of the evidence says what the worst one leaves. Nor
    are the best prices unique, and with another tie the bills would be others. Nobody is asked for
    the truth: the leader is taken to know all loads and batteries.

    References
    ----------
    Programs of two levels: Colson, Marcotte and Savard (2007) [colson2007]_.

    Examples
    --------
    Ann has sun at noon and a load in the evening, and Bob a battery that is of no use to him alone.
    The leader brings the two together, and keeps all that this saves:

    >>> import sesgame as sg
    >>> steps = sg.energy.TimeSteps.from_times(["2016-06-01T12:00", "2016-06-01T13:00"])
    >>> community = sg.energy.Community(
    ...     members=["ann", "bob"],
    ...     steps=steps,
    ...     load_kwh=[[-4.0, 4.0], [0.0, 0.0]],
    ...     tariff=sg.energy.PriceSeries(steps, [0.20, 0.30], [0.05, 0.05]),
    ...     batteries=[
    ...         sg.energy.Battery(
    ...             owner="bob",
    ...             energy_kwh=4,
    ...             power_kw=4,
    ...             charge_efficiency=1,
    ...             discharge_efficiency=1,
    ...         )
    ...     ],
    ... )
    >>> found = sg.energy.leader_prices_by_step(community)
    >>> round(found.profit, 6), round(found.gap, 6)
    (1.0, 0.0)
    >>> found.allocation().values.round(6).tolist()
    [1.0, 0.0]
    """
    if not isinstance(community, Community):
        raise GameError(f"a leader's prices by step are for a Community, not for {community!r}")
    if not max_seconds > 0:
        raise GameError(f"max_seconds must be above 0, got {max_seconds:g}")
    if not 0 <= relative_gap < 1:
        raise GameError(f"relative_gap must be in [0, 1), got {relative_gap:g}")
    part = community.period(start, end)
    problem, way = part.problem, chosen(part.problem, model)
    if not way.optimises:
        raise GameError(
            f'members reply to a leader with their batteries, and with model="{way.name}" '
            f"{way.reading}"
        )
    _refuse_features(problem, uses_batteries=way.uses_batteries)
    with needs("highspy", "a leader's prices by step need highspy"):
        import highspy  # noqa: F401

    with progress_report("leader's prices", "program", progress) as report:
        found, own, worst = OwnThread[tuple[Found, "Array", float]](
            lambda thread: _searched(
                problem, way.uses_batteries, float(max_seconds), float(relative_gap), report
            )
        ).result()
    game = part.cost_game(model=way.name)
    terms = CostBasis.of(game, part.cost_terms(way.name))
    return _result(problem, found, own, worst, terms, uses_batteries=way.uses_batteries)


def _searched(
    problem: DispatchProblem,
    uses_batteries: bool,
    max_seconds: float,
    relative_gap: float,
    report: Any,
) -> tuple[Found, Array, float]:
    """Return prices and replies, the cost of a best reply of each, and the profit at worst."""
    program = LeaderProgram(problem, use_batteries=uses_batteries)
    found = searched(program, max_seconds, relative_gap, report)
    # Flat where they differ by rounding only.
    buy = np.clip(found.buy_per_kwh, problem.sell_per_kwh, problem.buy_per_kwh)
    sell = np.clip(found.sell_per_kwh, problem.sell_per_kwh, buy)
    found = found._replace(buy_per_kwh=buy, sell_per_kwh=sell)
    own = _best_replies(problem, buy, sell, uses_batteries=uses_batteries)
    return found, own, least_profit(program, found, own, max_seconds)


def _best_replies(
    problem: DispatchProblem, buy: Array, sell: Array, *, uses_batteries: bool
) -> Array:
    """Return what each member's best reply to prices costs it, by a program of its own."""
    priced = replace(problem, buy_per_kwh=buy, sell_per_kwh=sell)
    way = chosen(priced, "linear" if uses_batteries else "netting")
    game = Game.from_native(way.native_game(priced), priced.members, kind="cost")
    return game.values(np.eye(len(priced.members), dtype=np.bool_), progress=False)


def _result(
    problem: DispatchProblem,
    found: Found,
    own: Array,
    worst: float,
    terms: CostBasis,
    *,
    uses_batteries: bool,
) -> LeaderPricesByStep:
    """Return what was found as energy and money of members."""
    shape = problem.net_load_kwh.shape
    storage = problem.storage
    usable = storage.usable[: len(found.charge_kwh)]
    charge, discharge = np.zeros((2, *shape))
    wear = np.zeros(shape[0])
    for unit, battery in enumerate(usable.tolist()):
        owner = int(storage.owner[battery])
        charge[owner] += found.charge_kwh[unit]
        discharge[owner] += found.discharge_kwh[unit]
        delivered = float(found.discharge_kwh[unit].sum())
        wear[owner] += storage.degradation_cost_per_kwh[battery] * delivered
    over = found.net_kwh.sum(axis=0)
    grid = float((np.where(over > 0, problem.buy_per_kwh, problem.sell_per_kwh) * over).sum())
    paid = payments(found.net_kwh, found.buy_per_kwh, found.sell_per_kwh)
    profit = float(paid.sum()) - grid
    tolerance = KNOWN_TO * _money_of(problem)
    evidence = LeaderPricesEvidence(
        buy_per_kwh=found.buy_per_kwh,
        sell_per_kwh=found.sell_per_kwh,
        grid_buy_per_kwh=problem.buy_per_kwh,
        grid_sell_per_kwh=problem.sell_per_kwh,
        net_kwh=found.net_kwh,
        wear=wear,
        profit=profit,
        bound=max(found.bound, profit),
        least_profit=0.0 if abs(worst) <= tolerance else min(worst, profit),
        reply_gaps=paid + wear - own,
        cost=grid + float(wear.sum()),
        terms=terms,
        tolerance=tolerance,
    )
    return LeaderPricesByStep(
        members=problem.members,
        buy_per_kwh=found.buy_per_kwh,
        sell_per_kwh=found.sell_per_kwh,
        net_kwh=found.net_kwh,
        charge_kwh=charge,
        discharge_kwh=discharge,
        profit=profit,
        bound=evidence.bound,
        evidence=evidence,
    )


def _money_of(problem: DispatchProblem) -> float:
    """Return all money that can flow."""
    storage = problem.storage
    powers_kw = np.maximum(storage.charge_power_kw, storage.discharge_power_kw).sum()
    flow_kwh = np.abs(problem.net_load_kwh).sum(axis=0) + powers_kw * problem.steps.step_hours
    price = np.maximum(np.abs(problem.buy_per_kwh), np.abs(problem.sell_per_kwh))
    return float((price * flow_kwh).sum())


def _refuse_features(problem: DispatchProblem, *, uses_batteries: bool) -> None:
    """Refuse by name what prices by step do not have, and what is too large."""
    charges = ["demand charges"] * bool(problem.peak_charges)
    bills = ["fees, blocks and other elements of a contract"] * (problem.billing is not None)
    features = charges + bills + problem.limits_of_nobody
    features += [name for name in problem.beyond_a_step if name not in features]
    if problem.binding.curtailment.any():
        features.append("PV that may be left unused")
    if problem.sells_above_buy:
        features.append("energy that sells for more than it costs")
    if len(problem.offers):
        features.append("storage to buy")
    if uses_batteries:
        if problem.has_passing_batteries:
            features.append("batteries that come or go")
        if problem.choices.any():
            features.append("storage that may not charge and discharge at once")
    if features:
        raise GameError(
            f"a leader's prices by step do not have {', '.join(features)}: what a member's reply "
            f"costs must follow from a price for each step"
        )
    batteries = len(problem.storage.usable) if uses_batteries else 0
    cells = batteries * problem.steps.n_steps
    if cells > MOST_CELLS:
        raise GameError(
            f"a leader's prices by step are for small cases: {count(batteries, 'battery')} times "
            f"{count(problem.steps.n_steps, 'step')} is {cells:,}, and the limit {MOST_CELLS:,}; "
            f"give start and end of a day, or longer steps"
        )


def _apply(problem: AllocationProblem) -> Allocation:
    community = problem.world
    assert isinstance(community, Community)
    seconds = min(problem.max_seconds, SEARCH_SECONDS)
    found = leader_prices_by_step(community, model=problem.model, max_seconds=seconds)
    return found.allocation()


LEADER_PRICE = Rule(
    name="leader-price",
    title="leader's prices",
    apply=_apply,
    promises=frozenset({Promise.INDIVIDUALLY_RATIONAL}),
    worlds=(Community,),
    meaning=(
        "Somebody buys and sells for all, at prices in each step that earn it the most and lie "
        "between those of the grid. Everybody runs the own storage as is best at these prices, and "
        "pays for the own energy; what is left is the leader's."
    ),
    page="concepts/leader-price",
    proved_by=lambda evidence: isinstance(evidence, LeaderPricesEvidence),
    sources=("colson2007",),
)
