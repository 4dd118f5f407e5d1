"""What kind of game it is: superadditive, monotone, convex, balanced, and who is symmetric."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sesgame._engine import (
    additivity,
    complements,
    convexity,
    first_without_core,
    marginals,
    symmetric_players,
)
from sesgame.files.json_text import plain
from sesgame.formatting import count, html_table, short_coalition, size
from sesgame.game.door import checked_arguments
from sesgame.game.game import MAX_TABLE_PLAYERS
from sesgame.game.leave_one_out import leave_one_out
from sesgame.progress import progress_report
from sesgame.stability.audit import check_tolerance
from sesgame.stability.few_coalitions import balance_of_few, equal_values_of_few
from sesgame.stability.property import (
    Found,
    Property,
    balance_of,
    convexity_of,
    equal_values,
    meaning,
    property_found,
    violation,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.allocation import Kind
    from sesgame.game.game import Game

__all__ = ["MAX_PAIR_PLAYERS", "MAX_SUBGAME_PLAYERS", "GameProperties", "game_properties"]

T = TypeVar("T")

MAX_PAIR_PLAYERS = 22
"""Of how many players all 3^n / 2 pairs of coalitions are compared: 10^10 pairs take seconds."""

MAX_SUBGAME_PLAYERS = 12
"""Of how many players all 2^n subgames are solved."""


@dataclasses.dataclass(frozen=True, repr=False)
class GameProperties:
    r"""What kind of game it is.

    Attributes
    ----------
    players : tuple of hashable
        Of the game.
    kind : {"gain", "cost"}
        The sense of the game. Superadditive and convex games of gains are those in which joining
        pays; of costs these are the subadditive and the concave ones.
    essential : Property
        All together have more than each alone, :math:`v(N) > \sum_i v(i)` (costs: less).
    superadditive : Property
        :math:`v(S \cup T) \geq v(S) + v(T)` for S and T without a common member; a witness is S
        and T.
    subadditive : Property
        The same with :math:`\leq`.
    monotone : Property
        :math:`v(S) \leq v(T)` for S within T; a witness is S and S with one player more.
    convex : Property
        Supermodular: :math:`v(S \cup T) + v(S \cap T) \geq v(S) + v(T)`; a witness is S and T,
        which differ by one player each.
    concave : Property
        Submodular: the same with :math:`\leq`.
    balanced : Property
        The core is not empty; a witness is a balanced collection with its weights.
    totally_balanced : Property
        The game among the members of any coalition has a core; a witness is a coalition whose
        game has none.
    symmetric_players : tuple of tuple of hashable, or None
        The classes of two and more players whom no coalition tells apart.
    dummy_players : tuple of hashable, or None
        Who adds what they have alone, whoever is there.
    surplus : float
        What all together have beyond standing alone; for costs what they save.
    tolerance : float
        A violation up to this is none, in the unit of the game.
    """

    players: tuple[Hashable, ...]
    kind: Kind
    essential: Property
    superadditive: Property
    subadditive: Property
    monotone: Property
    convex: Property
    concave: Property
    balanced: Property
    totally_balanced: Property
    symmetric_players: tuple[tuple[Hashable, ...], ...] | None
    dummy_players: tuple[Hashable, ...] | None
    surplus: float
    tolerance: float

    @property
    def joining_pays(self) -> Property:
        """Superadditive for gains, subadditive for costs."""
        return self.superadditive if self.kind == "gain" else self.subadditive

    @property
    def joining_pays_more(self) -> Property:
        """Convex for gains, concave for costs: the larger a coalition, the more so."""
        return self.convex if self.kind == "gain" else self.concave

    def to_dict(self) -> dict[str, Any]:
        """Return the properties in the types that JSON knows."""
        result: dict[str, Any] = plain(self)
        return result

    def sentences(self, unit: str = "") -> list[str]:
        """Return the properties in plain words, one sentence each.

        Parameters
        ----------
        unit : str, optional
            The unit of the figures, for example ``"EUR"``.
        """

        def amount(value: float) -> str:
            return size(value, unit)

        surplus = amount(self.surplus)
        if self.essential:
            first = f"Essential: all together {self._verb('more')} than each alone, by {surplus}."
        elif self.surplus < -self.tolerance:
            less = self._verb("less")
            first = f"Not essential: all together {less} than each alone, by {surplus}."
        else:
            first = f"Not essential: all together {self._verb('no more')} than each alone."
        pairs = [self.joining_pays, self.monotone, self.joining_pays_more]
        balance = [self.balanced, self.totally_balanced]
        lines = [first, *(self.sentence(found, unit) for found in [*pairs, *balance])]
        if self.symmetric_players is not None:
            classes = ", ".join(short_coalition(group) for group in self.symmetric_players)
            lines.append(f"Symmetric players: {classes or 'none'}.")
        if self.dummy_players is not None:
            dummies = short_coalition(self.dummy_players) if self.dummy_players else "none"
            lines.append(f"Dummy players: {dummies}.")
        return lines

    def _verb(self, better: str) -> str:
        """Return that a coalition has more, or costs less."""
        turned = {"more": "less", "less": "more", "no more": "no less"}
        return f"have {better}" if self.kind == "gain" else f"cost {turned[better]}"

    def sentence(self, found: Property, unit: str = "") -> str:
        """Return in a sentence whether the game has a property, and the witness if not."""
        name = found.name.capitalize()
        if found.holds is None:
            return f"{name}: not decided ({found.reason})."
        if found.holds:
            return f"{name}: {meaning(found)}."
        return f"Not {found.name}: {violation(found, lambda value: size(value, unit))}."

    def __str__(self) -> str:
        head = f"{self.kind} game of {count(len(self.players), 'player')}:"
        return "\n".join([head, *(f"  {line}" for line in self.sentences())])

    def __repr__(self) -> str:
        words = ", ".join(
            f"{field.name}={value.holds}"
            for field in dataclasses.fields(self)
            if isinstance(value := getattr(self, field.name), Property)
        )
        return f"GameProperties({count(len(self.players), 'player')}, kind={self.kind!r}, {words})"

    def _repr_html_(self) -> str:
        words = {True: "yes", False: "no", None: "not decided"}
        rows = []
        for field in dataclasses.fields(self):
            found = getattr(self, field.name)
            if isinstance(found, Property):
                why = found.reason
                if found.holds is False and found.coalitions:
                    why = violation(found, lambda value: size(value, ""))
                rows.append([found.name, words[found.holds], why])
        return html_table(["", "holds", ""], rows, f"{self.kind} game")


@checked_arguments
def game_properties(
    game: Game, *, tolerance: float | None = None, progress: bool = True
) -> GameProperties:
    r"""Tell what kind of game it is, and name the coalitions that say so.

    Parameters
    ----------
    game : Game
        Up to 30 players are tabulated. Of more the 2n + 1 coalitions of 1, n - 1 and n players
        are looked at, which may refute a property and prove that a game is essential.
    tolerance : float, optional
        Up to what a violation is none, in the unit of the game; by default 1e-9 of the largest
        gain of a coalition over its members alone, four times the game's ``rounding``, and what
        floats add.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    GameProperties
        Each property is true as a condition where it holds. A witness is the worst violation; of
        those that are within the tolerance of the worst the first in binary order of the smaller
        coalition, of the union, or (convex) of the common members, for any number of threads.

    Raises
    ------
    AllocationError
        `tolerance` is negative or not finite.
    CharacteristicFunctionError
        A value of the game is not a finite number.
    SolverError
        As in :func:`core_existence`.

    Notes
    -----
    Monotone games and dummy players: n passes over the table. Convex and concave:
    :math:`n (n - 1) 2^{n - 3}` second differences. Symmetric players: at most :math:`n^2 / 2`
    passes over half the table, usually far less. Superadditive and subadditive: a convex game is
    superadditive; others are compared pair by pair, :math:`3^n / 2` of them, up to 22 players.
    Beyond, only a coalition and one player, and a coalition and all others, are compared: they
    may refute, and otherwise it is not decided. Totally balanced: a convex game of gains, or a
    concave one of costs, is; a game that is not superadditive (subadditive) is not; otherwise
    the core of each of the 2^n subgames is looked for up to 12 players.

    References
    ----------
    Shapley (1971) [shapley1971]_ for convex games, Bondareva (1963) [bondareva1963]_ and Shapley
    (1967) [shapley1967]_ for balanced ones.

    Examples
    --------
    >>> import sesgame as sg
    >>> gloves = sg.Game.from_dict(
    ...     {("left",): 0, ("right",): 0, ("third",): 0, ("left", "right"): 1, ("left", "third"): 1,
    ...      ("right", "third"): 0, ("left", "right", "third"): 1}, kind="gain")
    >>> found = sg.game_properties(gloves)
    >>> found.superadditive.holds, found.convex
    (True, Property('convex', False, by 1: {left, right}, {left, third}))
    >>> found.symmetric_players
    (('right', 'third'),)
    """
    check_tolerance(tolerance)
    if game.n_players > MAX_TABLE_PLAYERS:
        few = leave_one_out(game, progress=progress).values
        return _of_few(
            game, few, equal_values_of_few(game, few) if tolerance is None else tolerance
        )
    table = game.tabulate(progress=progress)
    slack = equal_values(game) if tolerance is None else tolerance
    passes = _Passes(game, table, slack, progress)
    n = game.n_players
    alone = table[1 << np.arange(n)]
    surplus = game.sign * float(table[-1] - alone.sum())
    least, greatest, (drop, _) = passes.run("marginals", marginals, [0.0] * n)
    convex, concave = convexity_of(game, slack, progress=progress)
    superadditive, subadditive = passes.additive(convex, concave)
    balanced = balance_of(game, progress)
    pays, pays_more = (superadditive, convex) if game.kind == "gain" else (subadditive, concave)
    classes = passes.run("symmetric players", symmetric_players)
    players = game.players
    is_dummy = (greatest - alone <= slack) & (alone - least <= slack)
    return GameProperties(
        players=tuple(players),
        kind=game.kind,
        essential=Property("essential", game.kind, surplus > slack),
        superadditive=superadditive,
        subadditive=subadditive,
        monotone=property_found("monotone", drop, game),
        convex=convex,
        concave=concave,
        balanced=balanced,
        totally_balanced=passes.totally_balanced(pays, pays_more, balanced),
        symmetric_players=tuple(
            tuple(players[index] for index in group) for group in classes if len(group) > 1
        ),
        dummy_players=players.ordered_labels(is_dummy),
        surplus=surplus,
        tolerance=slack,
    )


@dataclasses.dataclass(frozen=True)
class _Passes:
    """Passes of the engine over the table of a game."""

    game: Game
    table: NDArray[np.float64]
    slack: float
    progress: bool

    def run(self, what: str, find: Callable[..., T], *options: Any) -> T:
        """Return what a pass finds."""
        with progress_report(what, "", self.progress) as report:
            return find(self.table, *options, self.slack, report)

    def additive(self, convex: Property, concave: Property) -> tuple[Property, Property]:
        """Return whether the game is superadditive, and whether it is subadditive.

        Of a convex game the pairs that gain most by joining are those of a coalition and all
        others, and none loses; of a concave one the other way round.
        """
        names = ("superadditive", "subadditive")
        n = self.game.n_players
        decided = n <= MAX_PAIR_PLAYERS
        if (convex or concave) and self._shows_additivity():
            ends = self.run("joining", complements)
            decided = True
        elif decided:
            ends = self.run("joining", additivity)
        else:
            ends = self._of_few_pairs()
        reason = f"3^{n} / 2 pairs of coalitions; the limit is {MAX_PAIR_PLAYERS} players"
        found = [
            Property(name, self.game.kind, None, reason=reason)
            if end is None and not decided
            else property_found(name, end, self.game)
            for name, end in zip(names, ends, strict=True)
        ]
        return found[0], found[1]

    def _shows_additivity(self) -> bool:
        """Tell whether the game is so nearly convex or concave that pairs need no look.

        S and T are |S| |T| second differences apart, at most n^2 / 4, whose errors add up.
        """
        slack = 4 * self.slack / self.game.n_players**2
        with progress_report("convexity", " values", self.progress) as report:
            return None in convexity(self.table, slack, report)

    def _of_few_pairs(self) -> tuple[Found, Found]:
        """Return the worst pairs of a coalition and one player, or of a coalition and the rest."""
        alone = self.table[1 << np.arange(self.game.n_players)].tolist()
        halves = self.run("joining", complements)
        _, _, joined = self.run("joining", marginals, alone)
        worst: list[Found] = []
        for half, one in zip(halves, joined, strict=True):
            if one is None or (half is not None and half[0] >= one[0] - self.slack):
                worst.append(half)
                continue
            amount, smaller, larger = one
            parts = sorted((smaller, larger ^ smaller))
            worst.append((amount, parts[0], parts[1]))
        return worst[0], worst[1]

    def totally_balanced(self, pays: Property, pays_more: Property, balanced: Property) -> Property:
        """Return whether all subgames have a core."""
        name, kind, players = "totally balanced", self.game.kind, self.game.players
        n = len(players)

        def refuted(amount: float, members: tuple[Hashable, ...]) -> Property:
            return Property(name, kind, holds=False, amount=amount, coalitions=(members,))

        if pays_more:
            return Property(name, kind, holds=True)
        if n <= MAX_SUBGAME_PLAYERS:
            with progress_report("subgames", "", self.progress) as report:
                mask = first_without_core(self.table, kind, self.slack, report)
            if mask is None:
                return Property(name, kind, holds=True)
            members = players.ordered_labels(mask)
            core = balance_of(self.game.restricted_to(members), progress=False)
            return refuted(core.amount, members)
        if pays.holds is False:
            # Two coalitions that are better off apart are a balanced collection of their union.
            union = {player for coalition in pays.coalitions for player in coalition}
            return refuted(pays.amount, tuple(player for player in players if player in union))
        if balanced.holds is False:
            return refuted(balanced.amount, tuple(players))
        reason = f"2^{n} subgames; the limit is {MAX_SUBGAME_PLAYERS} players"
        return Property(name, kind, None, reason=reason)


def _of_few(game: Game, few: NDArray[np.float64], slack: float) -> GameProperties:
    """Return what the coalitions of 1, n - 1 and n players tell."""
    n = game.n_players
    alone, without, total = few[:n], few[n:-1], float(few[-1])
    players = tuple(game.players)
    joint = total - without - alone  # v(N) + v(nobody) - v(N - i) - v(i)
    surplus = game.sign * (total - float(alone.sum()))
    balanced = balance_of_few(game, few, slack)
    whole = dataclasses.replace(
        balanced,
        name="totally balanced",
        coalitions=(players,) if balanced.coalitions else (),
        weights=(),
    )
    reason = f"2^{n} coalitions, of which {2 * n + 1} were looked at"

    def judged(name: str, figures: NDArray[np.float64]) -> Property:
        worst = int(np.argmax(figures))
        if figures[worst] <= slack:
            return Property(name, game.kind, None, reason=reason)
        others = tuple(other for other in players if other != players[worst])
        second = players if name == "monotone" else (players[worst],)
        return Property(name, game.kind, False, float(figures[worst]), (others, second))

    return GameProperties(
        players=players,
        kind=game.kind,
        essential=Property("essential", game.kind, surplus > slack),
        superadditive=judged("superadditive", -joint),
        subadditive=judged("subadditive", joint),
        monotone=judged("monotone", without - total),
        convex=judged("convex", -joint),
        concave=judged("concave", joint),
        balanced=balanced,
        totally_balanced=whole,
        symmetric_players=None,
        dummy_players=None,
        surplus=surplus,
        tolerance=slack,
    )
