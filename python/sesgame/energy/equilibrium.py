"""Whether bills are those of an equilibrium: nobody's own program does better at their prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.community import Community
from sesgame.energy.dispatch.dual_prices import ContractPrices, OwenPrices
from sesgame.energy.dispatch.model import chosen
from sesgame.energy.dispatch.programs_at_prices import (
    cost_at_prices,
    earned_outside,
    largest_trade,
    money_at_prices,
)
from sesgame.energy.dispatch.scenario_prices import ScenarioPrices
from sesgame.energy.number_arrays import number_array
from sesgame.energy.scenarios import Scenarios
from sesgame.energy.schedule import Schedule
from sesgame.errors import GameError
from sesgame.formatting import left_out, number, size, text_table
from sesgame.game.allocation import Allocation
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.game.game import Game
from sesgame.game.given_allocation import as_allocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from sesgame.energy.dispatch.problem import DispatchProblem, Model
    from sesgame.energy.time_steps import Moment

    Array = NDArray[np.float64]

__all__ = ["EquilibriumCheck", "equilibrium_check"]

SAME = 1e-9
"""Of the money that flows at the prices: what counts as equal, as for the bills themselves."""


@dataclass(frozen=True, eq=False, repr=False)
class EquilibriumCheck(ByValue):
    """What each member would pay by its own best program at given prices, beside its bill.

    Attributes
    ----------
    members : tuple of str
        The n members.
    bills : ndarray of shape (n,)
        What is billed.
    own_costs : ndarray of shape (n,)
        What each member's own program costs at the prices, at best.
    cost : float
        Of the dispatch of all, in which each battery is run by itself.
    rent : float
        By how much the bills exceed that cost: what limits that no member brings earn.
    best_rent : float
        What they could earn at the prices, with the trade at the common connection and with what is
        for sale.
    tolerance : float
        What counts as equal.
    currency : str
        The unit of all money.
    """

    members: tuple[str, ...]
    bills: NDArray[np.float64]
    own_costs: NDArray[np.float64]
    cost: float
    rent: float
    best_rent: float
    tolerance: float
    currency: str

    @property
    def gaps(self) -> NDArray[np.float64]:
        """By how much each bill exceeds the member's own best program, shape (n,).

        0 in equilibrium. Above 0 a member does better by another program at the same prices; below
        0 no program of its own is worth what the bill says.
        """
        gaps: Array = self.bills - self.own_costs
        return gaps

    @property
    def shared_gap(self) -> float:
        """By how much what nobody brings could earn more than it does.

        0 where the rows that all share are complementary to the prices: energy is balanced, no
        trade with the grid pays beside that of the dispatch, what is bought just pays, and a limit
        earns something only where it binds.
        """
        return self.best_rent - self.rent

    @property
    def holds(self) -> bool:
        """Whether no gap is above the tolerance, in either direction."""
        gaps = [*self.gaps.tolist(), self.shared_gap]
        return all(abs(gap) <= self.tolerance for gap in gaps)

    @property
    def verdict(self) -> str:
        """What is proved, or who or what is in the way, in a sentence."""
        if self.holds:
            found = (
                "Nobody does better at these prices, and what all share is complementary to them"
            )
            if self.rent > self.tolerance:
                rent = self._amount(self.rent)
                found += f"; limits that nobody brings earn {rent} on top"
            return f"{found}."
        most, least = int(np.argmax(self.gaps)), int(np.argmin(self.gaps))
        if self.gaps[most] > self.tolerance:
            gained = self._amount(self.gaps[most])
            return f"No equilibrium: {self.members[most]} does better by {gained} on its own."
        if self.gaps[least] < -self.tolerance:
            return (
                f"No equilibrium: no program of {self.members[least]} is worth its bill at these "
                f"prices, by {self._amount(self.gaps[least])}."
            )
        if self.rent < -self.tolerance:
            return (
                f"No equilibrium: the bills are {self._amount(self.rent)} less than what all pay "
                f"when each runs its own batteries."
            )
        return (
            f"No equilibrium: what all share could earn {self._amount(self.shared_gap)} more at "
            f"these prices."
        )

    def _amount(self, gap: float) -> str:
        return size(gap, self.currency)

    def __str__(self) -> str:
        rows = [["member", "bill", "own program", "gap"]]
        shown = len(self.members) - left_out(len(self.members))
        numbers = zip(self.members, self.bills, self.own_costs, self.gaps, strict=True)
        for member, *money in list(numbers)[:shown]:
            rows.append([str(member), *(number(float(each), self.currency) for each in money)])
        lines = text_table(rows)
        if left_out(len(self.members)):
            lines.append(f"... and {left_out(len(self.members))} more")
        return "\n".join([*lines, "", self.verdict])

    def __repr__(self) -> str:
        gaps = max(float(np.abs(self.gaps).max()), abs(self.shared_gap))
        return f"EquilibriumCheck(holds={self.holds}, largest gap {gaps:.3g} {self.currency})"


@checked_arguments
def equilibrium_check(
    community: Community | Scenarios,
    allocation: Allocation,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    model: Model | None = None,
    prices: ArrayLike | None = None,
) -> EquilibriumCheck:
    r"""Return whether, at the prices behind bills, every member's own program is worth its bill.

    Whoever takes the prices :math:`\lambda` of energy as given solves a program of its own, with
    its own batteries, PV and connection:

    .. math:: v_i(\lambda) = \min_{y_i \in Y_i} \sum_t \lambda_t \, g_t(y_i) + w(y_i)

    with what it draws, :math:`g`, and what that wears, :math:`w`. The bills x are those of an
    equilibrium where :math:`x_i = v_i(\lambda)` for each member, and where what nobody brings,
    trade with the grid, peaks, limits and what is for sale, could earn no more at these prices than
    it does, :math:`\sum_i x_i - c(N)`. Then

    .. math:: \sum_i v_i(\lambda) - r(\lambda) = c(N)

    with that rent r. The left side is the dual function of the dispatch, so this proves again that
    the dispatch of all is cheapest, by other programs than those that gave the prices. It is the
    variational equilibrium of members who share rows: all pay the same price of each.

    Parameters
    ----------
    community : Community or Scenarios
        Of n members.
    allocation : Allocation
        Bills of :func:`sesgame.owen_allocation`, or any others with `prices`.
    start, end, model
        As in :func:`sesgame.owen_allocation`: those that the bills are of.
    prices : array_like of float, shape (T,), optional
        Of a kWh in each step; by default those of the evidence. Of K scenarios, one after the
        other.

    Returns
    -------
    EquilibriumCheck

    Raises
    ------
    AllocationError
        The allocation is of other members.
    GameError
        There are no prices, they are not of these steps, lines can bind and the prices behind them
        are not known, or nothing is chosen at all: where storage is as it ran, under a contract
        that has no prices of steps, or where storage must not charge and discharge at once. Or the
        scenarios bear a risk, and the bills do not say by which weights.

    Notes
    -----
    n programs of T steps, all cores: linear programs where a recursion gave the prices, and
    recursions, wherever they have everything, where a linear program did; and one dispatch of all.
    Batteries that a model runs as one though they are unlike can do more than each by itself. Bills
    of such a model are no equilibrium, by at most as much as
    :meth:`Community.description <sesgame.energy.Community.description>` says; those of
    ``model="linear"`` are.

    Under a risk the scenarios count by their dual weights in everybody's own program, as in the
    bills.

    References
    ----------
    Facchinei and Kanzow (2007) [facchinei2007]_ on equilibria with shared constraints.

    Examples
    --------
    >>> import sesgame as sg
    >>> community = sg.energy.Community(
    ...     members=["ann", "bob"],
    ...     steps=["2016-06-01T12:00", "2016-06-01T13:00"],
    ...     load_kwh=[[-2.0, 1.0], [1.0, 2.0]],
    ...     tariff=sg.energy.Tariff.flat(0.30, 0.10),
    ...     batteries=[
    ...         sg.energy.Battery(
    ...             owner="bob",
    ...             energy_kwh=1,
    ...             power_kw=1,
    ...             charge_efficiency=1,
    ...             discharge_efficiency=1,
    ...         )
    ...     ],
    ... )
    >>> print(sg.energy.equilibrium_check(community, sg.owen_allocation(community)))
    member  bill  own program   gap
    ann     0.10         0.10  0.00
    bob     0.50         0.50  0.00
    <BLANKLINE>
    Nobody does better at these prices, and what all share is complementary to them.
    """
    if not isinstance(community, (Community, Scenarios)):
        raise GameError(
            f"an equilibrium of programs is of a Community or Scenarios, not of {community!r}"
        )
    part = community.period(start, end)
    problems = [part.problem] if isinstance(part, Community) else part.problems
    name = part.chosen_model(model)
    used = [chosen(problem, name) for problem in problems]
    if not used[0].optimises or name in ("integer", "contract"):
        raise GameError(
            f'model="{name}" has no prices at which everybody could choose a program: '
            f"{used[0].sentence}"
        )
    # Of the game only the players matter here.
    players = Game.from_function(part.members, len, kind="cost")
    bills = as_allocation(players, allocation).values
    evidence = allocation.evidence
    weights = _weights(part, evidence)
    energy, lines = _prices(evidence, prices, problems)
    own = np.zeros(len(bills))
    money = 0.0
    for problem, weight, price, behind in zip(problems, weights, energy, lines, strict=True):
        by_member: Array = np.broadcast_to(price, problem.net_load_kwh.shape)
        limits = [limit for limit in problem.flow_limits if not limit.is_own]
        if limits:
            by_member = by_member.copy()
        for limit, difference in zip(limits, behind, strict=True):
            by_member[limit.behind] += difference
        own += weight * cost_at_prices(
            problem,
            by_member,
            uses_batteries=used[0].uses_batteries,
            by_recursion=not isinstance(evidence, OwenPrices),
        )
        money += weight * money_at_prices(problem, by_member)
    if any(each.proved_gap(problem) for each, problem in zip(used, problems, strict=True)):
        # What batteries do as one though they are unlike, nobody's own program can.
        name = "linear"
    found = part.dispatch(model=name)
    schedules = (found,) if isinstance(found, Schedule) else found
    cost = sum(w * each.cost for w, each in zip(weights, schedules, strict=True))
    # A limit that has a price is reached.
    flows = [max(each.grid_import_kwh.max(), each.grid_export_kwh.max()) for each in schedules]
    most_kwh = max(*flows, *map(largest_trade, problems))
    return EquilibriumCheck(
        members=part.members,
        bills=bills,
        own_costs=own,
        cost=cost,
        rent=float(bills.sum()) - cost,
        best_rent=earned_outside(problems, weights, energy, lines, most_kwh),
        tolerance=SAME * money + max(problem.rounding for problem in problems),
        currency=part.currency,
    )


def _weights(part: Community | Scenarios, evidence: object) -> Sequence[float]:
    """Return by what each scenario counts: under a risk by the weights that prove it."""
    if isinstance(part, Community):
        return (1.0,)
    if not part.risk_in_words:
        return part.weights
    if isinstance(evidence, ScenarioPrices) and evidence.risk == part.risk:
        weights: list[float] = evidence.scenario_weights.tolist()
        return weights
    raise GameError(
        f"under a risk ({part.risk_in_words}) members have to agree on the weights of the "
        f"scenarios: take the bills of owen_allocation under the same risk, whose evidence has "
        f"them, or with_risk(None)"
    )


def _prices(
    evidence: object, given: ArrayLike | None, problems: Sequence[DispatchProblem]
) -> tuple[list[Array], list[Array]]:
    """Return what a kWh costs in each scenario, and what it costs more behind each line."""
    if given is None:
        if isinstance(evidence, ContractPrices) or getattr(evidence, "energy_price", None) is None:
            raise GameError(
                "the allocation has no prices at which everybody could choose a program; take "
                "owen_allocation(community), or give prices"
            )
        found = evidence.energy_price  # type: ignore[attr-defined] # which was looked for
        behind = getattr(evidence, "line_price", None)
    else:
        try:
            found, behind = number_array(given), None
        except (TypeError, ValueError) as error:
            raise GameError(f"prices are not an array of numbers: {error}") from error
    n_steps = problems[0].steps.n_steps
    wanted = n_steps * len(problems)
    if np.shape(found) != (wanted,):
        raise GameError(
            f"the prices are of {np.size(found)} steps, but the community has {wanted}; give the "
            f"period (start, end) that the bills are of"
        )
    if not np.isfinite(found).all():
        raise GameError("prices must be finite")
    lines = [limit for limit in problems[0].flow_limits if not limit.is_own]
    if behind is None:
        for problem in problems:
            limits = zip(problem.flow_limits, problem.binding.flows, strict=True)
            for limit, steps in limits:
                if steps.any() and not limit.is_own:
                    raise GameError(
                        f"{limit.name} can bind, so that energy has another price behind it: take "
                        f"the bills of owen_allocation, whose evidence has it"
                    )
        behind = np.zeros((len(lines), wanted))
    parts = [slice(k * n_steps, (k + 1) * n_steps) for k in range(len(problems))]
    return [found[part] for part in parts], [behind[:, part] for part in parts]
