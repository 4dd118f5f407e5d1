"""Nash bargaining without side payments: over dispatches in which everybody pays an own bill."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sesgame.bargaining.nash_bargaining import BARGAINING_WEIGHTS, DISAGREEMENT
from sesgame.bargaining.surplus import disagreement_of, weights_of
from sesgame.energy.community import Community
from sesgame.energy.dispatch.model import chosen
from sesgame.energy.dispatch.own_accounts import AccountsDispatch, OwnAccounts
from sesgame.energy.dispatch.problem import AT_ONCE, GENERATION_TO_BUY
from sesgame.errors import AllocationError, GameError, SolverError
from sesgame.files.json_text import plain
from sesgame.formatting import format_coalition
from sesgame.game.allocation import Allocation, Amount, Evidence
from sesgame.game.cost_basis import CostBasis
from sesgame.game.door import checked_arguments
from sesgame.linear.own_thread import OwnThread
from sesgame.progress import progress_report
from sesgame.rule import AllocationProblem, Promise, Rule

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.energy.dispatch.problem import DispatchProblem, Model
    from sesgame.energy.time_steps import Moment
    from sesgame.game.players import Players
    from sesgame.progress import Report

    Numbers: TypeAlias = Allocation | Mapping[Hashable, float] | ArrayLike

__all__ = ["BARGAINED_DISPATCH", "BargainedDispatchEvidence", "bargained_dispatch"]

NOTHING = 1e-9
"""Of all money that can flow: the solver keeps each row to so much, so less is no gain."""

LARGEST = 1e6
"""Times all money that can flow: of a larger bill the last bits are no longer less than nothing."""

PROVED = 1e-8
"""The largest gap with which a dispatch is the answer. The gain of a member with a part w of all
weight is then known to sqrt(2e-8 / w) of itself; most searches end at 1e-11 and less."""

NO_BETTER = 1e-11
"""A dispatch that gains less along the tangent is not better: the solver knows gains to about that,
and the weights of known dispatches are found to less."""

MAX_ROUNDS = 1000
"""Dispatches that are tried; a few for each member are usual."""


@dataclasses.dataclass(frozen=True, eq=False)
class BargainedDispatchEvidence(Evidence):
    """The dispatch that was bargained for, and how far its product of gains is from the largest.

    Attributes
    ----------
    disagreement : ndarray of shape (n,)
        Each member's bill if nothing comes about.
    gains : ndarray of shape (n,)
        By how much the own bill is lower.
    most : ndarray of shape (n,)
        What each would gain at most if nobody else loses.
    multipliers : ndarray of shape (n,)
        Weight over gain, for weights that sum to 1: at these prices of each member's money no
        dispatch is better by more than `gap`.
    gap : float
        By how much the weighted mean of the logarithms of gains is at most below the largest:
        proved by the dual values of a linear program.
    rounds : int
        Linear programs that were solved.
    bills_total : float
        What the arrangement costs in all.
    accounts : OwnAccounts
        What each member does in each step.
    stands_on : CostBasis
        Whose bills these are, of what period, and what each would bear alone.
    """

    disagreement: NDArray[np.float64]
    gains: NDArray[np.float64]
    most: NDArray[np.float64]
    multipliers: NDArray[np.float64]
    gap: float
    rounds: int
    bills_total: float
    accounts: OwnAccounts = dataclasses.field(metadata={"is_kept": False})
    stands_on: CostBasis = dataclasses.field(metadata={"is_kept": False})

    @property
    def n_evaluations(self) -> int:
        """Each alone, and all together."""
        return len(self.gains) + 1

    @property
    def basis(self) -> CostBasis:
        """The community in the period of the bills, its batteries run as they were here."""
        return self.stands_on

    @property
    def arrangement(self) -> float:
        """What all bills add up to, in general more than the cheapest dispatch."""
        return self.bills_total

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return that no money passes, and what is proved of the product."""
        return [
            "Everybody pays the own bill, and no money passes between members. No other dispatch "
            f"has a mean of the logarithms of gains that is larger by more than {self.gap:.1g}."
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in the types that JSON knows, without the accounts by step."""
        kept = (field.name for field in dataclasses.fields(self) if field.name != "accounts")
        return {name: plain(getattr(self, name)) for name in kept}


@checked_arguments
def bargained_dispatch(
    community: Community,
    *,
    weights: Numbers | None = None,
    disagreement: Numbers | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    model: Model | None = None,
    max_seconds: float = math.inf,
    progress: bool = True,
) -> Allocation:
    r"""Return the bills of the dispatch with the largest product of gains, without side payments.

    .. math:: \max_{y} \prod_i \bigl( d_i - c_i(y) \bigr)^{w_i}, \qquad
              c_i(y) = \sum_t \bigl( p^{buy}_t\, import_{it} - p^{sell}_t\, export_{it} \bigr)

    over all dispatches y, with each member's own bill :math:`c_i` at the prices of the contract. No
    money passes between members: they share batteries, and hand over energy in kind.

    - Batteries are common. Each member has an account in them: what it holds, and what flows in and
      out. Over all accounts, capacity and power are those of the batteries. What is stored at the
      beginning is its owner's, and has to be there again at the end, in each account.
    - In each step members may give others what they have to spare, PV beyond their own load, for
      the load or the account of those. What is bought or discharged is for the own load, the own
      account, or for sale: nobody pays the bill of somebody else, which would be a side payment.

    Parameters
    ----------
    community : Community
        Without limits of the grid, a demand charge, wear, and storage to buy.
    weights : Allocation, mapping or array_like of float, shape (n,), optional
        Bargaining weights, positive; by default all the same.
    disagreement : Allocation, mapping or array_like of float, shape (n,), optional
        Each member's bill if nothing comes about, in the currency; by default the cost alone, with
        the own batteries.
    start, end, model
        The period, and how batteries are run, as in :meth:`Community.cost_game
        <sesgame.energy.Community.cost_game>`: as a pool, each by itself, or not at all.
    max_seconds : float, optional
        Time limit, looked at between the programs; by default none.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    Allocation
        Costs, the own bills, known to its `tolerance`. They add up to what the arrangement costs,
        which is more than the cheapest dispatch where only a payment could make somebody agree to
        that. With :class:`~sesgame.evidence.BargainedDispatchEvidence`.

    Raises
    ------
    AllocationError
        No agreement: some members cannot gain while nobody else loses, and are named; or the bills
        of disagreement are out of reach. Or weights or bills are not one for each member, a weight
        is not positive, or a bill is a million times what the community is about.
    GameError
        The community has what the program has not, by name.
    SolverError
        The solver stops, or proves no gap of 1e-8 in time; then it says which gap is left.
    MissingExtraError
        highspy is not installed.

    Notes
    -----
    The objective is concave. At any gains u its tangent bounds it, so that

    .. math:: \sum_i w_i \log u'_i \le \sum_i w_i \log u_i
              + \max_{y'} \sum_i \frac{w_i}{u_i} (u'_i - u_i),

    where the maximum is a linear program, and its dual values prove it. The dispatch that
    maximises the tangent is mixed with those that are known so far, by the largest product of the
    mixture, and so on until there is none better (simplicial decomposition [vonhohenbalken1977]_);
    that is exact, since a few corners of the polyhedron make up the answer. The start is the mean
    of the dispatches that are best for each member: by convexity there is an agreement if each can
    gain by itself while nobody loses.

    A program of some 3 n T columns for each battery, 4 n T more, re-solved from the last basis:
    n times for the start, and then a few times for each member.

    References
    ----------
    Nash (1950) [nash1950]_; simplicial decomposition: von Hohenbalken (1977)
    [vonhohenbalken1977]_.

    Examples
    --------
    Two members, ten kWh of battery that is charged for nothing, then an hour for each. To Ann a
    kWh is worth twice as much as to Bob; each gets half of the battery:

    >>> import sesgame as sg
    >>> hours = sg.energy.TimeSteps.from_times([f"2016-06-01T0{hour}:00" for hour in range(3)])
    >>> community = sg.energy.Community(
    ...     members=["ann", "bob"],
    ...     steps=hours,
    ...     load_kwh=[[0, 10, 0], [0, 0, 10]],
    ...     tariff=sg.energy.PriceSeries(hours, [0, 0.20, 0.10], [0, 0, 0]),
    ...     batteries=[
    ...         sg.energy.Battery(
    ...             owner="ann",
    ...             energy_kwh=10,
    ...             power_kw=10,
    ...             charge_efficiency=1,
    ...             discharge_efficiency=1,
    ...         )
    ...     ],
    ... )
    >>> without = {"ann": 2.0, "bob": 1.0}
    >>> bills = sg.energy.bargained_dispatch(community, disagreement=without)
    >>> bills.evidence.gains.round(6).tolist()
    [1.0, 0.5]
    """
    if not isinstance(community, Community):
        raise GameError(f"a bargained dispatch is for a Community, not for {community!r}")
    part = community.period(start, end)
    problem, way = part.problem, chosen(part.problem, model)
    if not way.optimises:
        raise GameError(
            f'a bargained dispatch is chosen, and with model="{way.name}" {way.reading}'
        )
    _check_features(problem, uses_batteries=way.uses_batteries)
    game = part.cost_game(model=way.name)
    powers = weights_of(game, weights)
    for index in np.flatnonzero(powers <= 0):
        raise AllocationError(
            f"bargaining weights: {game.players[int(index)]!r} has 0; without side payments each "
            f"must be positive, or the bill of that member would be left open"
        )
    if not (isinstance(max_seconds, (int, float)) and max_seconds > 0):
        raise GameError(f"max_seconds must be a positive number, got {max_seconds!r}")
    bills = disagreement_of(game, disagreement, progress=progress)
    flows = _money_of(problem)
    for index in np.flatnonzero(np.abs(bills) > LARGEST * flows):
        raise AllocationError(
            f"disagreement payoffs: {game.players[int(index)]!r} has {bills[index]:g}, more than "
            f"{LARGEST:g} times all money that can flow, {flows:g}; no gain could be told from it"
        )
    units = way.storage_units(problem)
    with progress_report("bargained dispatch", "program", progress) as report:
        evidence = OwnThread[BargainedDispatchEvidence](
            lambda thread: _Bargaining(
                AccountsDispatch(problem, units, bills),
                game.players,
                bills,
                # In parts of the largest, since of the largest floats there is no sum.
                powers / powers.max() / (powers / powers.max()).sum(),
                NOTHING * flows,
                thread,
                max_seconds,
                report,
                CostBasis.of(game, part.cost_terms(way.name)),
            ).result()
        ).result()
    return BARGAINED_DISPATCH.made(
        Allocation(
            game.players,
            bills - evidence.gains,
            "cost",
            BARGAINED_DISPATCH.title,
            tolerance=_known_to(evidence) + NOTHING * flows,
            evidence=evidence,
        )
    )


class _Bargaining:
    """One search for the largest product, on a thread of its own; weights sum to 1."""

    def __init__(
        self,
        program: AccountsDispatch,
        players: Players,
        disagreement: NDArray[np.float64],
        weights: NDArray[np.float64],
        nothing: float,
        thread: OwnThread[BargainedDispatchEvidence],
        max_seconds: float,
        report: Report | None,
        stands_on: CostBasis,
    ) -> None:
        self._program = program
        self._players = players
        self._disagreement = disagreement
        self._weights = weights
        self._nothing = nothing
        self._thread = thread
        self._max_seconds = max_seconds
        self._deadline = monotonic() + max_seconds
        self._gap = math.inf
        self._report = report
        self._stands_on = stands_on
        self._rounds = 0

    def result(self) -> BargainedDispatchEvidence:
        """Return the gains and the dispatch behind them, with the proof."""
        self._check_reach()
        known = [self._best(unit)[0] for unit in np.eye(len(self._players))]
        most = np.diagonal([self._program.gains_of(solution) for solution in known])
        self._check_agreement(most)
        weights = self._weights
        while True:
            gains = np.array([self._program.gains_of(solution) for solution in known]) / most
            parts = mixture(gains, weights)
            mean = parts @ gains
            better, bound = self._best(weights / (mean * most))
            gap = self._gap = bound - 1.0
            rise = (weights / mean) @ (self._program.gains_of(better) / most) - 1.0
            if min(gap, rise) <= NO_BETTER:
                break
            if self._rounds >= MAX_ROUNDS:
                raise SolverError("bargained dispatch", f"a gap of {gap:.3g} is left")
            known.append(better)
        if not gap <= PROVED:
            raise SolverError("bargained dispatch", f"no proof: a gap of {gap:.3g} is left")
        solution = parts @ np.array(known)
        own = self._program.gains_of(solution)
        return BargainedDispatchEvidence(
            disagreement=self._disagreement,
            gains=own,
            most=most,
            multipliers=weights / own,
            gap=max(gap, 0.0),
            rounds=self._rounds,
            bills_total=float((self._disagreement - own).sum()),
            accounts=self._program.accounts(solution),
            stands_on=self._stands_on,
        )

    def _best(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        if self._thread.stopped:
            raise SolverError("bargained dispatch", "interrupted")
        if monotonic() > self._deadline:
            gap = f"a gap of {self._gap:.3g} is left" if self._gap < math.inf else "no gap is known"
            raise SolverError("bargained dispatch", f"time limit {self._max_seconds:g} s: {gap}")
        self._rounds += 1
        found = self._program.most(weights)
        if self._report is not None:
            self._report(self._rounds, self._rounds + 1)
        return found

    def _check_reach(self) -> None:
        missed = self._program.least_shortfall()
        if missed.sum() > self._nothing:
            late = [self._players[int(index)] for index in np.flatnonzero(missed > 0)]
            raise AllocationError(
                f"no agreement: no dispatch leaves everybody as well off as in disagreement; bills "
                f"exceed it by {missed.sum():.6g} in all, at best those of {format_coalition(late)}"
            )

    def _check_agreement(self, most: NDArray[np.float64]) -> None:
        blocking = [self._players[int(index)] for index in np.flatnonzero(most <= self._nothing)]
        if blocking:
            raise AllocationError(
                f"no agreement: without side payments {format_coalition(blocking)} gain nothing in "
                f"any dispatch in which nobody loses"
            )


def mixture(gains: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Return the parts of dispatches, shape (k,), whose mixed gains have the largest product.

    .. math:: \max_{\theta \ge 0} \sum_i w_i \log \sum_k \theta_k u_{ki} - \sum_k \theta_k

    By a primal-dual interior-point method. The parts sum to 1 where the weights do: moving along
    the ray through the parts, the objective is largest there.

    Parameters
    ----------
    gains : ndarray of shape (k, n)
        Of each dispatch, not negative; each member gains in one of them.
    weights : ndarray of shape (n,)
        Positive, of sum 1.
    """
    parts = np.full(len(gains), 1.0 / len(gains))
    slack = np.ones(len(gains))
    for _ in range(MOST_NEWTON_STEPS):
        mean = parts @ gains
        gradient = 1.0 - gains @ (weights / mean)
        target = CENTRING * (parts @ slack) / len(parts)
        curvature = (gains * (weights / mean**2)) @ gains.T
        step = np.linalg.solve(curvature + np.diag(slack / parts), target / parts - gradient)
        slack_step = (target - slack * step) / parts - slack
        inside = min(_room(parts, step), _room(slack, slack_step), _room(mean, step @ gains))
        parts, slack = parts + inside * step, slack + inside * slack_step
        if parts @ slack <= CENTRED and inside > 0.5:
            break
    shares: NDArray[np.float64] = parts / parts.sum()
    return shares


MOST_NEWTON_STEPS = 200
"""Some 30 are usual."""

CENTRING = 0.1
"""By which the complementarity shrinks in each step."""

CENTRED = 1e-15
"""Complementarity, which bounds how much a better mixture adds to the mean logarithm: a few units
in the last place of 1."""


def _room(values: NDArray[np.float64], step: NDArray[np.float64]) -> float:
    """Return which part of a step keeps values positive, by a little."""
    falling = step < 0
    return min(1.0, 0.99 * float((-values[falling] / step[falling]).min(initial=np.inf)))


def _check_features(problem: DispatchProblem, *, uses_batteries: bool) -> None:
    """Refuse by name what accounts and own bills do not have."""
    charges = ["a demand charge"] * bool(problem.peak_charges)
    features = charges + problem.limits_of_nobody + problem.beyond_a_step
    if problem.binding.curtailment.any():
        features.append("PV that may be left unused")
    if problem.sells_above_buy:
        features.append("energy that sells for more than it costs")
    if len(problem.generation):
        features.append(GENERATION_TO_BUY)
    if uses_batteries:
        if len(problem.offers):
            features.append("storage to buy")
        if problem.has_passing_batteries:
            features.append("batteries that come or go")
        if problem.choices.any():
            features.append(AT_ONCE)
        if any(problem.storage.degradation_costs):
            features.append("battery degradation costs")
    if features:
        raise GameError(
            f"a bargained dispatch does not have {', '.join(features)}: it is not settled on whose "
            f"bill that is"
        )


def _money_of(problem: DispatchProblem) -> float:
    """Return all money that can flow."""
    flow_kwh = np.abs(problem.net_load_kwh).sum(axis=0)
    storage = problem.storage
    powers_kw = np.maximum(storage.charge_power_kw, storage.discharge_power_kw)
    flow_kwh += powers_kw.sum() * problem.steps.step_hours
    price = np.maximum(np.abs(problem.buy_per_kwh), np.abs(problem.sell_per_kwh))
    return float(price @ flow_kwh)


def _known_to(evidence: BargainedDispatchEvidence) -> float:
    """Return how far a gain may be from that of the largest product.

    For the ratios r of the best gains to these, ``sum w (r - 1) <= gap`` by the tangent, and
    ``sum w log r >= 0``; so ``r - 1 - log r <= gap / w`` for each, which is at least about
    ``(r - 1)^2 / 2``.
    """
    weights = evidence.multipliers * evidence.gains
    rest = evidence.gap / weights
    return float((evidence.gains * (np.sqrt(2.0 * rest) + rest)).max())


def _apply(problem: AllocationProblem) -> Allocation:
    community = problem.world
    assert isinstance(community, Community)
    return bargained_dispatch(
        community,
        weights=problem.get(BARGAINING_WEIGHTS),
        disagreement=problem.get(DISAGREEMENT),
        model=problem.model,
    )


BARGAINED_DISPATCH = Rule(
    name="bargained-dispatch",
    title="bargained dispatch",
    apply=_apply,
    promises=frozenset({Promise.INDIVIDUALLY_RATIONAL, Promise.UNIQUE}),
    options=(BARGAINING_WEIGHTS, DISAGREEMENT),
    worlds=(Community,),
    meaning=(
        "Everybody pays the own bill, and no money passes between members: batteries and spare "
        "energy are shared such that the product of what members save is as large as can be."
    ),
    page="concepts/bargained-dispatch",
    sources=("nash1950", "vonhohenbalken1977"),
)
