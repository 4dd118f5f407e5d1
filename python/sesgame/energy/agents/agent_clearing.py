"""Clearing by agents: the prices that rounds of answers find, and what everybody pays at them."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Hashable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.agents.agent import weight_of
from sesgame.energy.agents.agent_prices import AgentPrices
from sesgame.energy.agents.answers import AnswerExecutor, Panel
from sesgame.energy.agents.clearing_checks import (
    check_options,
    checked_labels,
    masked_members,
    masks,
    price_scale,
    steps_of,
)
from sesgame.energy.agents.clearing_state import ClearingState
from sesgame.energy.agents.community_agents import CommunityAgents
from sesgame.energy.agents.coordinator import Coordinator
from sesgame.energy.agents.grid_agent import GridAgent
from sesgame.energy.agents.grid_side import GridSide
from sesgame.energy.agents.masked_exchange import MaskedExchange
from sesgame.energy.agents.open_exchange import OpenExchange
from sesgame.errors import AgentError, GameError, NotConvergedWarning
from sesgame.files.output_files import OutputFiles
from sesgame.game.allocation import Allocation
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.game.players import Players
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.agents.agent import Agent
    from sesgame.game.cost_basis import CostBasis

__all__ = ["AgentClearing", "clear_by_agents"]

TITLE = "prices by agents"
"""What the method of its allocations is called."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class AgentClearing(ByValue):
    r"""What a clearing by agents found: prices, exchanges and bills, and how far it got.

    Attributes
    ----------
    members : tuple of hashable
        The n agents that are not the grid.
    exchange : ndarray of float, shape (n, T), or None
        What each draws in each step less what it feeds in, in kWh; None where it was masked.
    price : ndarray of float, shape (T,)
        What a kWh costs in each step.
    bills : ndarray of float, shape (n,)
        What each pays: :math:`\sum_t \lambda_t q_{it}` and its own cost.
    own_costs : ndarray of float, shape (n,)
        What of that it bears itself, such as wear of its battery.
    outside_kwh : ndarray of float, shape (T,)
        What all members together draw from the grid in each step.
    cost : float
        What the arrangement costs in all: what the grid bills for that, and all own costs.
    residuals : ndarray of float, shape (rounds, 2)
        Of each round, in parts of what is exchanged and of the price: how far exchanges are from
        balance, and how far the price is from where it will not move.
    tolerance : float
        Both residuals are at most that where the clearing has converged.
    converged : bool
        Whether they are.
    untold : tuple of hashable
        Members who have no ``own_cost``: theirs is taken to be 0.
    state : ClearingState
        For :func:`clear_by_agents` to go on from.
    basis : CostBasis, callable or None
        On what terms the bills stand, or what works that out of the community whose agents these
        are; None where that is not known.
    """

    members: tuple[Hashable, ...]
    exchange: NDArray[np.float64] | None
    price: NDArray[np.float64]
    bills: NDArray[np.float64]
    own_costs: NDArray[np.float64]
    outside_kwh: NDArray[np.float64]
    cost: float
    residuals: NDArray[np.float64]
    tolerance: float
    converged: bool
    untold: tuple[Hashable, ...]
    state: ClearingState
    basis: CostBasis | Callable[[], CostBasis] | None = dataclasses.field(
        default=None, compare=False
    )

    @property
    def rounds(self) -> int:
        """How many there were, with those before a state."""
        return len(self.residuals)

    def allocation(self) -> Allocation:
        """Return the bills as an allocation of costs, with :class:`~sesgame.evidence.AgentPrices`.

        Its tolerance is what is not balanced, at the prices, and rounding.
        """
        turnover = float(np.abs(self.bills).sum())
        primal, dual = self.residuals[-1].tolist()
        gap = abs(float(self.bills.sum()) - self.cost)
        return Allocation(
            Players(self.members),
            self.bills,
            kind="cost",
            method=TITLE,
            tolerance=gap + (max(primal, dual) + 1e-9) * turnover,
            evidence=AgentPrices(
                values=tuple(self.bills.tolist()),
                energy_price=tuple(self.price.tolist()),
                own_costs=tuple(self.own_costs.tolist()),
                cost=self.cost,
                rounds=self.rounds,
                balance_residual=primal,
                price_residual=dual,
                tolerance=self.tolerance,
                converged=self.converged,
                untold=self.untold,
                terms=self.basis() if callable(self.basis) else self.basis,
            ),
        )

    def __repr__(self) -> str:
        how = "" if self.converged else ", not converged"
        return (
            f"AgentClearing({len(self.members)} members, {len(self.price)} steps, "
            f"{self.rounds} rounds{how})"
        )


@checked_arguments
def clear_by_agents(
    agents: Mapping[Hashable, Agent],
    *,
    rho: float | None = None,
    relaxation: float = 1.0,
    tolerance: float = 1e-6,
    max_rounds: int = 5000,
    adapt: bool = True,
    n_steps: int | None = None,
    executor: AnswerExecutor | None = None,
    timeout: float = math.inf,
    mask: bool = False,
    resume: ClearingState | PathLike[str] | None = None,
    checkpoint: PathLike[str] | str | None = None,
    progress: bool = True,
) -> AgentClearing:
    r"""Return the prices and exchanges on which agents agree who show nothing but their answers.

    .. math:: \min \sum_i f_i(q_i) \quad\text{subject to}\quad \sum_i q_i = 0

    by the alternating direction method of multipliers for an exchange [boyd2011]_. In each round
    every agent answers what is best for it near a target, and the price moves with what is out of
    balance:

    .. math:: q_i \leftarrow \operatorname{argmin} f_i(q)
              + \tfrac{\rho}{2 w_i} \lVert q - z_i + w_i u \rVert^2,
              \qquad h_i = \alpha q_i + (1 - \alpha) z_i

    .. math:: b = \frac{\sum_i h_i}{\sum_i w_i}, \qquad z_i \leftarrow h_i - w_i b, \qquad
              u \leftarrow u + b, \qquad \lambda = \rho u

    At the end each pays :math:`\sum_t \lambda_t q_{it}`, and bears its own cost. The prices are
    optimal dual prices of the common dispatch, so the bills lie within the range
    :math:`[\text{lowest}, \text{highest}]` of :func:`~sesgame.owen_allocation`, up to the
    tolerance; which ones, where several are optimal, is not determined.

    Parameters
    ----------
    agents : mapping of label to Agent
        At least two; :meth:`Community.agents <sesgame.energy.Community.agents>` makes those of a
        community. A :class:`GridAgent` stands for the world outside; all others are members.
    rho : float, optional
        The first penalty, positive. By default what a kWh costs (``price_scale`` of the agents)
        over the root mean square of what is exchanged in the first round; 1 if no agent says what
        a kWh costs.
    relaxation : float, default 1
        The :math:`\alpha` of over-relaxation, above 0 and below 2; 1.5 to 1.8 often saves rounds.
    tolerance : float, default 1e-6
        The residuals at which the rounds end, in parts of what is exchanged and of the price.
    max_rounds : int, default 5000
        After so many the result is what it is, with a warning.
    adapt : bool, default True
        Whether rho is doubled or halved, up to round 2000, where after every 20 rounds one residual
        is more than 10 times the other.
    n_steps : int, optional
        The number T of steps, where no agent of ours tells it.
    executor : Executor, optional
        ``concurrent.futures.Executor`` or compatible, such as a Dask client, on which agents are
        asked; they have to pickle. By default members of ours are asked in parallel by the engine,
        all others in this thread, one after the other, unless they return futures.
    timeout : float, optional
        Seconds in each round until the last answer; by default none. Whoever has not answered by
        then is named.
    mask : bool, default False
        Whether agents send masked words, of which only the sum is seen (:class:`MaskedAgent`).
        Agents that do not mask by themselves are masked in this process. Energy is then sent in
        whole 1e-6 kWh, and the residuals are those beyond that resolution.
    resume : ClearingState or path, optional
        Where to go on: `state` of a result or of an error, or what was saved of it. The result has
        the bits of a clearing that was never stopped. With `mask`, agents that mask themselves go
        on, which keep their part of it, and no others.
    checkpoint : path, optional
        Where the state is saved after every 20 rounds, and when the clearing ends, also by an error
        or Ctrl-C.
    progress : bool, default True
        Whether to draw a bar, on a terminal.

    Returns
    -------
    AgentClearing

    Raises
    ------
    AgentError
        An agent raised, died, answered late or never, not a number, or an array of another shape;
        or two of its answers show that its costs are not convex. It is named, and the error has the
        `state` before that round.
    GameError
        There are fewer than two agents, one is none or has integer decisions, an option is out of
        its range, or the state is of another clearing.

    Warns
    -----
    NotConvergedWarning
        The residuals are above the tolerance after the last round.

    Notes
    -----
    The method converges for closed convex costs if there is an optimum and rho stays in the end
    (Boyd et al. 2011, section 3.2; the change of rho and over-relaxation: section 3.4). A round
    costs each agent one answer, and the coordinator O(n T); agents that are not of ours are asked
    once more at the end, to find out integer decisions. Weights are a change of variables: an agent
    of weight w counts as :math:`q_i / \sqrt{w}`; without the weight of the grid, a community of n
    loads would need of the order of n rounds.

    What is disclosed is on the page about agents: a coordinator sees what each agent would
    exchange in each round, with `mask` only the sum, and at the end the bills. Nobody is kept from
    answering what is not true: there is no claim of truthfulness.

    References
    ----------
    Boyd et al. (2011), section 7.3.2 [boyd2011]_.

    Examples
    --------
    In the first hour Ann's surplus displaces what Bob would buy:

    >>> import sesgame as sg
    >>> community = sg.energy.Community(
    ...     members=["ann", "bob"],
    ...     steps=["2016-06-01T12:00", "2016-06-01T13:00"],
    ...     load_kwh=[[-2.0, 3.0], [3.0, 1.0]],
    ...     tariff=sg.energy.Tariff.flat(0.30, 0.10),
    ... )
    >>> found = sg.energy.clear_by_agents(community.agents())
    >>> found.price.round(4).tolist(), found.bills.round(4).tolist(), found.converged
    ([0.3, 0.3], [0.3, 1.2], True)
    """
    check_options(rho, relaxation, tolerance, max_rounds, timeout, executor)
    labels = checked_labels(agents)
    members = tuple(label for label in labels if not isinstance(agents[label], GridAgent))
    if not members:
        raise GameError("every agent is a GridAgent; there must be a member")
    if mask and executor is not None:
        raise GameError(
            "masked agents keep what they exchange to themselves from round to round, which an "
            "executor would lose: give agents that mask themselves where they are, as proxies"
        )
    state = ClearingState.load(resume) if isinstance(resume, (str, PathLike)) else resume
    if not (state is None or isinstance(state, ClearingState)):
        raise GameError(f"resume must be a ClearingState or a path, got {state!r}")
    inside = [agents[label] for label in members]
    if mask and state is not None and not any(map(masks, inside)):
        raise GameError(
            "agents that are masked here begin anew in each clearing, and so do not go on from a "
            "state: give those that mask themselves (MaskedAgent), which keep their part"
        )
    weights = np.array([weight_of(label, agents[label]) for label in labels])
    is_member = np.array([label in members for label in labels])
    steps = steps_of(labels, list(agents.values()), n_steps, state)
    coordinator = Coordinator(
        labels, weights, relaxation, rho or 1.0, np.zeros(steps), adapts=adapt
    )
    grid = GridSide(
        [each for each in agents.values() if isinstance(each, GridAgent)], steps, relaxation
    )
    panel = Panel(members, executor, timeout)
    exchange: OpenExchange | MaskedExchange
    if mask:
        exchange = MaskedExchange(panel, masked_members(members, inside, relaxation), steps)
    elif any(map(masks, inside)):
        raise GameError("some agents mask what they send: mask=True is needed")
    else:
        exchange = OpenExchange(
            panel, inside, weights[is_member], steps, relaxation, is_sent=executor is not None
        )
    if state is not None:
        _resume(coordinator, exchange, grid, state)
    scale = None if rho is not None else price_scale(agents)
    if checkpoint is not None:
        OutputFiles([Path(checkpoint)])  # whether it can be written
    run = _Run(coordinator, exchange, grid, panel)
    converged = run.rounds(scale, tolerance, max_rounds, checkpoint, progress)
    result = run.result(members, is_member, tolerance, converged)
    if isinstance(agents, CommunityAgents):
        result = dataclasses.replace(result, basis=agents.basis)
    if not converged:
        primal, dual = result.residuals[-1].tolist()
        warnings.warn(
            f"after {result.rounds} rounds the residuals are {primal:.2g} of what is exchanged and "
            f"{dual:.2g} of the price, above the tolerance of {tolerance:g}; resume from the state "
            f"of the result, or allow more",
            NotConvergedWarning,
            stacklevel=3,
        )
    return result


SAVED_EVERY = 20
"""Rounds after which the state is saved."""


@dataclasses.dataclass
class _Run:
    """One clearing."""

    coordinator: Coordinator
    members: OpenExchange | MaskedExchange
    grid: GridSide
    panel: Panel

    def state(self) -> ClearingState:
        """Return what is needed to go on; who masks keeps its part."""
        known = [self.members.balanced_kwh, self.grid.balanced_kwh]
        return self.coordinator.state(np.concatenate(known))

    def rounds(
        self,
        scale: float | None,
        tolerance: float,
        max_rounds: int,
        checkpoint: PathLike[str] | str | None,
        progress: bool,
    ) -> bool:
        """Do rounds until both residuals are small, and return whether they are."""
        last = self.state()
        try:
            with progress_report("clearing by agents", "round", progress) as report:
                while True:
                    self.panel.round = len(self.coordinator.residuals) + 1
                    is_first = self.panel.round == 1 and scale is not None
                    residuals = self.coordinator.round(self.members, self.grid, is_first=is_first)
                    if is_first and scale is not None:
                        self.coordinator.begin_anew(scale, len(self.panel.labels))
                    last = self.state()
                    if report is not None:
                        report(self.panel.round, max_rounds)
                    if max(residuals) <= tolerance and not is_first:
                        if isinstance(self.members, OpenExchange):
                            self.members.confirm()
                        return True
                    if self.panel.round >= max_rounds:
                        return False
                    if checkpoint is not None and self.panel.round % SAVED_EVERY == 0:
                        last.save(checkpoint)
        except AgentError as error:
            error.state = last
            raise
        finally:
            if checkpoint is not None:
                last.save(checkpoint)

    def result(
        self,
        members: tuple[Hashable, ...],
        is_member: NDArray[np.bool_],
        tolerance: float,
        converged: bool,
    ) -> AgentClearing:
        """Return what was found."""
        price = self.coordinator.price
        untold: tuple[int, ...] = ()
        exchange = None
        if isinstance(self.members, OpenExchange):
            exchange = self.members.exchange_kwh
            own, untold = self.members.own_costs()
            bills = (exchange * price).sum(axis=1) + own
            outside = exchange.sum(axis=0)
        else:
            paid = self.members.bills(price)
            own, bills = paid[:, 1], paid.sum(axis=1)
            outside = self.members.total_kwh
        return AgentClearing(
            members=members,
            exchange=exchange,
            price=price,
            bills=bills,
            own_costs=own,
            outside_kwh=outside,
            # The meter bills what flows, to the last bit, and not what was agreed.
            cost=self.grid.cost(outside) + float(own.sum()),
            residuals=np.array(self.coordinator.residuals),
            tolerance=tolerance,
            converged=converged,
            untold=tuple(members[number] for number in untold),
            state=self.state(),
        )


def _resume(
    coordinator: Coordinator,
    members: OpenExchange | MaskedExchange,
    grid: GridSide,
    state: ClearingState,
) -> None:
    coordinator.resume(state)
    known, own = len(members.balanced_kwh), len(grid.balanced_kwh)
    if len(state.balanced_kwh) != known + own:
        masked = "without" if isinstance(members, MaskedExchange) else "with"
        raise GameError(f"the state is of a clearing {masked} mask=True")
    if isinstance(members, OpenExchange):
        members.balanced_kwh = state.balanced_kwh[:known]
    grid.balanced_kwh = state.balanced_kwh[known:]
