"""What holds of an allocation and what does not, with the figure by which it fails."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from sesgame.errors import AllocationError
from sesgame.files.json_text import InfiniteAsNull, plain
from sesgame.formatting import LESS, format_coalition, html_table, short_coalition, shown, size
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.game.given_allocation import as_allocation
from sesgame.stability.obstacles import no_core, obstacle_sentence
from sesgame.stability.property import Property
from sesgame.stability.search import (
    RELATIVE_TOLERANCE,
    CoalitionSearch,
    FewCoalitions,
    TableSearch,
    first_largest,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sesgame.game.game import Game
    from sesgame.stability.separation_oracle import SeparationOracle

__all__ = ["Audit", "audit", "audit_by_search", "check_evidence", "check_tolerance"]


@dataclasses.dataclass(frozen=True, repr=False)
class Audit:
    """What holds of an allocation x of a game; positive figures are failures.

    Attributes
    ----------
    method : str
        What made the allocation.
    efficient : bool
        x(N) = v(N).
    efficiency_gap : float
        x(N) - v(N): by how much the shares exceed the total.
    individually_rational : bool
        No player is better off alone.
    worst_player : hashable
        The player who gains most, or loses least, by standing alone.
    worst_player_excess : float
        What that player would gain by standing alone.
    in_core : bool or None
        Efficient, and no coalition is better off on its own. None: an oracle found no coalition
        that is, but did not prove that there is none.
    worst_coalition : tuple of hashable
        The coalition, other than none and all, that gains most, or loses least, by leaving. Where
        an oracle was asked and nobody gains, that of those looked at.
    worst_coalition_excess : float
        What it would gain by leaving: v(S) - x(S) for gains, x(S) - c(S) for costs. For one
        player, where there is no such coalition, it is minus infinity.
    staying : tuple of hashable
        The other players.
    bound : float
        Proved: no coalition would gain more by leaving. Infinite where nothing is proved.
    tolerance : float
        What counts as equal, in the unit of the game.
    obstacle : Property or None
        Why no allocation leaves every coalition content, where one gains by leaving and
        :func:`audit` knows: the core is empty, or all together have less than each alone.
    """

    method: str
    efficient: bool
    efficiency_gap: float
    individually_rational: bool
    worst_player: Hashable
    worst_player_excess: float
    in_core: bool | None
    worst_coalition: tuple[Hashable, ...]
    worst_coalition_excess: Annotated[float, -np.inf]
    staying: tuple[Hashable, ...]
    bound: InfiniteAsNull
    tolerance: float
    obstacle: Property | None = dataclasses.field(default=None, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the audit in the types that JSON knows."""
        result: dict[str, Any] = plain(self)
        return result

    def sentences(self, unit: str = "") -> list[str]:
        """Return the audit in plain words, one sentence for each property.

        Parameters
        ----------
        unit : str, optional
            The unit of the figures, for example ``"EUR"``.
        """

        def amount(value: float) -> str:
            return size(value, unit)

        if self.efficient:
            first = "Efficient: the shares sum to the total."
        else:
            gap = amount(self.efficiency_gap)
            word = "more" if self.efficiency_gap > 0 else "less"
            first = f"Not efficient: the shares sum to {gap} {word} than the total."
        if self.individually_rational:
            second = "No member is better off alone."
        else:
            second = (
                f"{shown(self.worst_player)} would gain {amount(self.worst_player_excess)} "
                f"by standing alone."
            )
        if not self.worst_coalition:
            return [first, second]
        lines = [first, second, self._stability(amount)]
        if self.obstacle is not None:
            lines.append(obstacle_sentence(self.obstacle, amount))
        return lines

    def _stability(self, amount: Callable[[float], str]) -> str:
        """Return in a sentence whether a coalition would leave."""
        name = format_coalition(self.worst_coalition)
        coalition = f"The coalition {name}"
        if len(self.staying) < len(self.worst_coalition) - 1:
            name = f"everyone except {format_coalition(self.staying)}"
            coalition = f"The coalition of {name}"
        change = amount(self.worst_coalition_excess)
        if self.worst_coalition_excess > self.tolerance:
            limit = ""
            if self.worst_coalition_excess + self.tolerance < self.bound < np.inf:
                limit = f"; no coalition gains more than {amount(self.bound)} (proved upper bound)"
            return f"{coalition} would gain {change} by leaving{limit}."
        what = "which would neither gain nor lose by leaving"
        if self.worst_coalition_excess < -self.tolerance:
            what = f"which would lose {change} by leaving"
        if self.bound > self.tolerance:
            most = amount(self.bound).removeprefix(LESS)
            limit = (
                f"no coalition gains more than {most} (proved upper bound)"
                if np.isfinite(self.bound)
                else "nothing is proved"
            )
            return (
                f"No coalition was found that can do better on its own; {limit}. Of those examined "
                f"the closest is {name}, {what}."
            )
        closest = "the closest"
        if self.bound > self.worst_coalition_excess + self.tolerance:
            closest = "of those examined the closest"
        return f"No coalition can do better on its own; {closest} is {name}, {what}."

    def _shown(self, excess: float) -> float:
        """Return an excess as people read it: 0 where it counts as that."""
        return 0.0 if abs(excess) <= self.tolerance else excess

    def __str__(self) -> str:
        return "\n".join([f"{self.method}:", *(f"  {line}" for line in self.sentences())])

    def __repr__(self) -> str:
        worst = short_coalition(self.worst_coalition, self.staying)
        return (
            f"Audit(method={self.method!r}, efficient={self.efficient}, "
            f"individually_rational={self.individually_rational}, in_core={self.in_core}, "
            f"worst_coalition={worst}, "
            f"worst_coalition_excess={self._shown(self.worst_coalition_excess):.6g})"
        )

    def _repr_html_(self) -> str:
        words = {True: "yes", False: "no", None: "not proved"}
        gap = "" if self.efficient else f"{self.efficiency_gap:+.6g} relative to the total"
        member = self._shown(self.worst_player_excess)
        rows = [
            ["efficient", words[self.efficient], "", gap],
            [
                "individually rational",
                words[self.individually_rational],
                str(self.worst_player),
                f"{member:+.6g} by leaving",
            ],
        ]
        if self.worst_coalition:
            coalition = short_coalition(self.worst_coalition, self.staying)
            gain = f"{self._shown(self.worst_coalition_excess):+.6g} by leaving"
            rows.append(["in the core", words[self.in_core], coalition, gain])
        return html_table(["", "holds", "closest to leaving", ""], rows, self.method)


@checked_arguments
def audit(
    game: Game,
    allocation: Allocation | Mapping[Hashable, float] | ArrayLike,
    *,
    oracle: SeparationOracle | None = None,
    max_seconds: float | None = None,
    tolerance: float | None = None,
    progress: bool = True,
) -> Audit:
    """Tell what holds of an allocation: efficient, individually rational, in the core.

    With the excess e(S) = v(S) - x(S) for gains and x(S) - c(S) for costs, x is efficient when
    x(N) = v(N), individually rational when e({i}) <= 0 for every player i, and in the core when
    it is efficient and e(S) <= 0 for every coalition S.

    Parameters
    ----------
    game : Game
        At most 30 players; it is tabulated. With an oracle any number, and no table.
    allocation : Allocation, mapping of label to float, or array_like of shape (n,)
        What each player gets (gain) or pays (cost), in player order if it is an array.
    oracle : SeparationOracle, optional
        Separation oracle that returns the coalition with the largest excess, such as
        :meth:`Community.separation_oracle <sesgame.energy.Community.separation_oracle>`.
    max_seconds : float, optional
        Time limit of the oracle; by default none.
    tolerance : float, optional
        What counts as equal, in the unit of the game; by default 1e-9 (with an oracle 1e-7) of the
        largest absolute value of any coalition looked at, but at least the game's ``rounding``. The
        tolerance of an allocation does not count: it is what somebody has said of it.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    Audit

    Raises
    ------
    AllocationError
        The allocation is of other players or of the other kind, or is not finite; or the game
        refutes the peaks of demand charges that its bills are said to rest on.
    OracleError
        The oracle contradicts itself or the game; or `max_seconds` without an oracle.
    PlayerLimitError
        More than 30 players, and no oracle.

    Notes
    -----
    One scan of the 2^n values, and where a coalition gains by leaving a few more: is there a
    core at all? Of players and coalitions whose excesses differ by no more than
    1e-9 (1e-7) of the largest value or ``rounding``, the first is named, coalitions in the order of
    their bit masks: rounding, which differs from machine to machine, does not choose. With an
    oracle the 2n + 1 coalitions of 1, n - 1 and n players, and one question: is any
    better off on its own than the best of those, and than nobody?

    References
    ----------
    Gillies (1959) for the core [gillies1959]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_dict({("a",): 0, ("b",): 0, ("a", "b"): 6}, kind="gain")
    >>> result = sg.audit(game, {"a": 7, "b": -1})
    >>> result.in_core, result.worst_coalition, result.worst_coalition_excess
    (False, ('b',), 1.0)
    """
    check_evidence(game, allocation)
    search = CoalitionSearch.of(game, oracle=oracle, max_seconds=max_seconds, progress=progress)
    checked = audit_by_search(search, allocation, tolerance)
    if checked.worst_coalition_excess <= checked.tolerance:
        return checked
    few = search.values if isinstance(search, FewCoalitions) else None
    return dataclasses.replace(checked, obstacle=no_core(search.game, few))


def check_evidence(
    game: Game, allocation: Allocation | Mapping[Hashable, float] | ArrayLike
) -> None:
    """Refuse an allocation whose evidence the game refutes, where that is quickly found out.

    Raises
    ------
    AllocationError
        It does, as of peaks that no cheapest dispatch has.
    """
    if not isinstance(allocation, Allocation):
        return
    evidence = allocation.evidence
    if evidence is None or not evidence.audited:
        return
    verdict = evidence.verify(game)
    if verdict is not None and not verdict:
        failures = "; ".join(verdict.failures)
        raise AllocationError(f"the game refutes what {allocation.method} rests on: {failures}")


def audit_by_search(
    search: CoalitionSearch,
    allocation: Allocation | Mapping[Hashable, float] | ArrayLike,
    tolerance: float | None = None,
) -> Audit:
    """Tell what holds of an allocation; :func:`audit` with a search that is made already."""
    game = search.game
    allocated = as_allocation(game, allocation)
    check_tolerance(tolerance)
    if tolerance is None:
        tolerance = search.default_tolerance
    worst = search.worst(allocated.values, tolerance)
    gap = allocated.total - search.total
    gains = game.sign * (search.alone - allocated.values)
    efficient = abs(gap) <= tolerance
    in_core: bool | None = efficient and worst.excess <= tolerance
    if in_core and worst.bound > tolerance:
        in_core = None
    return Audit(
        method=allocated.method,
        efficient=efficient,
        efficiency_gap=gap,
        individually_rational=bool(gains.max() <= tolerance),
        worst_player=game.players[first_largest(gains, search.default_tolerance)],
        worst_player_excess=float(gains.max()),
        in_core=in_core,
        worst_coalition=worst.coalition,
        worst_coalition_excess=worst.excess,
        staying=tuple(player for player in game.players if player not in set(worst.coalition)),
        bound=worst.bound,
        tolerance=tolerance,
    )


def contradictions(game: Game, allocation: Allocation, found: Audit) -> list[str]:
    """Return what an audit from elsewhere says of an allocation that is not so.

    Looks at the coalitions of 1, n - 1 and n players and at the one that is named; where the game
    is tabulated, at all. What rests on an oracle, that nobody else gains more, is not looked at
    otherwise.
    """
    few = FewCoalitions(game, progress=False)
    x, tolerance = allocation.values, few.default_tolerance
    equal = tolerance / (few.relative_tolerance / RELATIVE_TOLERANCE)
    if game.tabulated:
        table = TableSearch(game, progress=False)
        equal = table.default_tolerance
        tolerance = max(tolerance, equal)
    gains = game.sign * (few.alone - x)
    figures = {"efficiency_gap": (found.efficiency_gap, float(x.sum()) - few.total)}
    player = game.players.index(found.worst_player)
    figures["worst_player_excess"] = (found.worst_player_excess, float(gains[player]))
    coalition = found.worst_coalition
    if coalition:
        shares = x[game.players.indices(coalition)].sum()
        excess = float(game.sign * (game.value(coalition) - shares))
        figures["worst_coalition_excess"] = (found.worst_coalition_excess, excess)
    wrong = [
        f"{name} is {said!r}, not {figure!r}"
        for name, (said, figure) in figures.items()
        if not abs(said - figure) <= equal
    ]
    largest = found.worst_coalition_excess
    least = float(few.worst(x, tolerance).excess)
    most = float(table.worst(x, tolerance).excess) if game.tabulated else None
    staying = tuple(other for other in game.players if other not in set(coalition))
    in_core = found.in_core is True
    holds = {
        "method": found.method == allocation.method,
        "worst_player": found.worst_player_excess >= gains.max() - equal,
        "worst_coalition": (game.n_players == 1) == (not coalition)
        and bool(staying or not coalition),
        "staying": found.staying == staying,
        "worst_coalition_excess": largest >= least - tolerance,
        "bound": (found.bound >= largest - tolerance or not coalition)
        and (most is None or found.bound >= most - tolerance or not coalition),
        # Within which something is equal depends on who has audited: a table, or an oracle.
        "tolerance": min(equal, tolerance) * 0.999 <= found.tolerance <= tolerance * 1.001,
        "efficient": abs(found.efficiency_gap) <= tolerance
        if found.efficient
        else abs(found.efficiency_gap) > equal,
        "individually_rational": gains.max() <= tolerance
        if found.individually_rational
        else gains.max() > equal,
        "in_core": not in_core or (found.efficient and largest <= tolerance),
    }
    if found.in_core is False:
        holds["in_core"] = not found.efficient or largest > equal
    if found.in_core is True and most is not None:
        holds["in_core"] &= most <= tolerance
    if found.in_core is None:
        holds["in_core"] = found.bound > equal
    return wrong + [f"{name} is not so" for name, is_so in holds.items() if not is_so]


def check_tolerance(tolerance: float | None) -> None:
    """Refuse what is no tolerance.

    Raises
    ------
    AllocationError
        It is negative or not finite.
    """
    if tolerance is not None and not (np.isfinite(tolerance) and tolerance >= 0):
        raise AllocationError(f"tolerance must be finite and non-negative, got {tolerance}")
