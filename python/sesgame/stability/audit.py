"""What holds of an allocation and what does not, with the figure by which it fails."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame._engine import coalitions_at_least
from sesgame._engine import worst_coalition as engine_worst_coalition
from sesgame.errors import AllocationError
from sesgame.files.json_text import plain
from sesgame.formatting import format_coalition, html_table, short_coalition
from sesgame.game.allocation import Allocation, checked_values
from sesgame.stability.separation_oracle import Separator, without_oracle

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.game.game import Game
    from sesgame.stability.separation_oracle import SeparationOracle

__all__ = ["Audit", "as_allocation", "audit", "check_tolerance"]

RELATIVE_TOLERANCE = 1e-9
"""Of the largest absolute value of any coalition: what counts as equal, unless told otherwise."""

LESS = "less than "

ORACLE_TOLERANCE = 1e-7
"""The same where an oracle is asked, which is itself no more precise."""


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
        x(N) - v(N): what is handed out (collected) too much.
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
    """

    method: str
    efficient: bool
    efficiency_gap: float
    individually_rational: bool
    worst_player: Hashable
    worst_player_excess: float
    in_core: bool | None
    worst_coalition: tuple[Hashable, ...]
    worst_coalition_excess: float
    staying: tuple[Hashable, ...]
    bound: float
    tolerance: float

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
            if not unit:
                return f"{abs(value):.6g}"
            return f"{abs(value):,.2f} {unit}" if abs(value) >= 0.005 else f"{LESS}0.01 {unit}"

        if self.efficient:
            first = "Everything is handed out, and no more."
        else:
            word = "too much" if self.efficiency_gap > 0 else "too little"
            first = f"{amount(self.efficiency_gap)} {word} is handed out."
        if self.individually_rational:
            second = "No member is better off alone."
        else:
            second = (
                f"{self.worst_player} would gain {amount(self.worst_player_excess)} "
                f"by standing alone."
            )
        if not self.worst_coalition:
            return [first, second]
        return [first, second, self._stability(amount)]

    def _stability(self, amount: Callable[[float], str]) -> str:
        """Return in a sentence whether a group would leave."""
        name = format_coalition(self.worst_coalition)
        group = f"The group {name}"
        if len(self.staying) < len(self.worst_coalition) - 1:
            name = f"all but {format_coalition(self.staying)}"
            group = f"All but {format_coalition(self.staying)}"
        change = amount(self.worst_coalition_excess)
        if self.worst_coalition_excess > self.tolerance:
            return f"{group} would gain {change} by leaving."
        what = "which would neither gain nor lose by leaving"
        if self.worst_coalition_excess < -self.tolerance:
            what = f"which would lose {change} by leaving"
        if self.bound > self.tolerance:
            limit = (
                f"it is proved that none gains more than {amount(self.bound).removeprefix(LESS)}"
                if np.isfinite(self.bound)
                else "nothing is proved"
            )
            return (
                f"No group was found that can do better on its own, but {limit}; of those looked "
                f"at the closest is {name}, {what}."
            )
        closest = "the closest"
        if self.bound > self.worst_coalition_excess + self.tolerance:
            closest = "of those looked at the closest"
        return f"No group of members can do better on its own; {closest} is {name}, {what}."

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
        gap = "" if self.efficient else f"{self.efficiency_gap:+.6g} handed out"
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
            group = short_coalition(self.worst_coalition, self.staying)
            gain = f"{self._shown(self.worst_coalition_excess):+.6g} by leaving"
            rows.append(["in the core", words[self.in_core], group, gain])
        return html_table(["", "holds", "closest to leaving", ""], rows, self.method)


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
        Who finds the worst coalition, such as
        :meth:`Community.separation_oracle <sesgame.energy.Community.separation_oracle>`.
    max_seconds : float, optional
        The time that the oracle has; by default no limit.
    tolerance : float, optional
        What counts as equal, in the unit of the game; by default 1e-9 (with an oracle 1e-7) of the
        largest absolute value of any coalition looked at, but at least the allocation's own
        tolerance and the game's ``rounding``.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    Audit

    Raises
    ------
    AllocationError
        The allocation is of other players or of the other kind, or is not finite.
    OracleError
        The oracle contradicts itself or the game, or has no time limit to be told.
    PlayerLimitError
        More than 30 players, and no oracle.

    Notes
    -----
    Two scans of the 2^n values. Of players and coalitions whose excesses differ by no more than
    1e-9 (1e-7) of the largest value or ``rounding``, the first is named, coalitions in the order of
    their bit masks: the last bit, which differs from machine to machine, does not choose. With an
    oracle the 2n + 1 coalitions of one player, of all but one and of all, and one question: is any
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
    allocated = as_allocation(game, allocation)
    x = allocated.values
    check_tolerance(tolerance)
    if oracle is None:
        without_oracle(game, None, 0, max_seconds)
        table = game.tabulate(progress=progress)
        alone, total = table[1 << np.arange(game.n_players)], float(table[-1])
        default, scale = RELATIVE_TOLERANCE, game.scale
    else:
        worths = game.values(_few(game.n_players), progress=progress)
        alone, total = worths[: game.n_players], float(worths[-1])
        default, scale = ORACLE_TOLERANCE, float(np.abs(worths).max())
    # An estimate may be off by more than that, but then its excesses are not equal, either.
    equal = max(default * scale, game.rounding)
    if tolerance is None:
        tolerance = max(equal, allocated.tolerance)
    if oracle is None:
        worst, excess = _worst_of_table(game, table, x, equal)
        bound = excess
    else:
        seconds = np.inf if max_seconds is None else max_seconds
        worst, excess, bound = _worst_by_oracle(game, x, worths, oracle, seconds, tolerance, equal)
    gap = allocated.total - total
    gains = game.sign * (alone - x)
    worst_player = _first_largest(gains, equal)
    efficient = abs(gap) <= tolerance
    in_core: bool | None = efficient and excess <= tolerance
    if in_core and bound > tolerance:
        in_core = None
    return Audit(
        method=allocated.method,
        efficient=efficient,
        efficiency_gap=gap,
        individually_rational=bool(gains.max() <= tolerance),
        worst_player=game.players[worst_player],
        worst_player_excess=float(gains.max()),
        in_core=in_core,
        worst_coalition=worst,
        worst_coalition_excess=excess,
        staying=tuple(player for player in game.players if player not in set(worst)),
        bound=bound,
        tolerance=tolerance,
    )


def check_tolerance(tolerance: float | None) -> None:
    """Refuse what is no tolerance.

    Raises
    ------
    AllocationError
        It is negative or not finite.
    """
    if tolerance is not None and not (np.isfinite(tolerance) and tolerance >= 0):
        raise AllocationError(f"tolerance is {tolerance}; it must be a number from 0 on")


def _few(n_players: int) -> NDArray[np.bool_]:
    """Return each player, all but each, and all, as rows."""
    single = np.eye(n_players, dtype=np.bool_)
    return np.concatenate([single, ~single, np.ones((1, n_players), dtype=np.bool_)])


def _first_largest(values: NDArray[np.float64], equal: float) -> int:
    """Return the place of the first value that is as large as any."""
    return int(np.argmax(values >= values.max() - equal))


def _worst_of_table(
    game: Game, table: NDArray[np.float64], x: NDArray[np.float64], equal: float
) -> tuple[tuple[Hashable, ...], float]:
    """Return the first of the worst coalitions, and the largest excess."""
    found = engine_worst_coalition(table, game.kind, x)
    if found is None:
        return (), -np.inf
    excess = found[1]
    first, _ = coalitions_at_least(table, game.kind, x, excess - equal, 1)
    return game.players.ordered_labels(first[0]), excess


def _worst_by_oracle(
    game: Game,
    x: NDArray[np.float64],
    worths: NDArray[np.float64],
    oracle: SeparationOracle,
    max_seconds: float,
    tolerance: float,
    equal: float,
) -> tuple[tuple[Hashable, ...], float, float]:
    """Return the worst coalition known, its excess, and the bound that is proved."""
    if game.n_players == 1:
        return (), -np.inf, -np.inf
    separator = Separator(game, oracle, tolerance)
    known, values = _few(game.n_players)[:-1], worths[:-1]
    separator.learn(known, values)
    best = float((game.sign * (values - known @ x)).max())
    # Whether somebody gains is what counts: how far the others are from that may be hard to tell.
    named = separator.ask(x, 1, max(best, 0.0), None, max_seconds, attained=best >= 0)
    known = np.concatenate([known, named.membership])
    values = np.concatenate([values, named.values])
    excesses = game.sign * (values - known @ x)
    worst = _first_largest(excesses, equal)
    excess = float(excesses.max())
    return game.players.ordered_labels(known[worst]), excess, max(named.bound, excess)


def as_allocation(
    game: Game, allocation: Allocation | Mapping[Hashable, float] | ArrayLike
) -> Allocation:
    """Return an allocation of this game, whatever form it is given in.

    Raises
    ------
    AllocationError
        Other players, the other kind, a missing player, or a number that is not finite.
    """
    if isinstance(allocation, Allocation):
        if allocation.kind != game.kind:
            raise AllocationError(f"a {allocation.kind} allocation for a {game.kind} game")
        if allocation.players == game.players:
            return allocation
        by_player = dict(zip(allocation.players, allocation.values.tolist(), strict=True))
        return dataclasses.replace(
            allocation, players=game.players, values=_in_player_order(game, by_player)
        )
    values = (
        _in_player_order(game, allocation)
        if isinstance(allocation, Mapping)
        else checked_values(game.players, allocation)
    )
    return Allocation(players=game.players, values=values, kind=game.kind, method="given")


def _in_player_order(game: Game, values: Mapping[Hashable, float]) -> NDArray[np.float64]:
    missing = [player for player in game.players if player not in values]
    unknown = [player for player in values if player not in game.players]
    if missing or unknown:
        raise AllocationError(
            f"the allocation is not one of this game's players: missing "
            f"{format_coalition(missing)}, unknown {format_coalition(unknown)}"
        )
    return checked_values(game.players, [values[player] for player in game.players])
