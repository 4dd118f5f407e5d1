"""Games made of other games: sums, multiples, duals, restrictions, quotients and savings.

Where the parts live in the engine, so does the result; where all their values are known, so are
those of the result; otherwise a function asks the parts for whole blocks of coalitions.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sesgame._engine import dual_game, strategic_equivalent, unions_game, weighted_sum_game
from sesgame.errors import CoalitionError, GameError
from sesgame.formatting import format_coalition
from sesgame.game.native_source import native_from
from sesgame.game.parts import Dual, Equivalent, OfUnions, Part, WeightedSum, added, unchecked
from sesgame.game.players import Players

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self

    from sesgame._engine import NativeGame
    from sesgame.game.allocation import Kind
    from sesgame.game.characteristic_function import CharacteristicFunction
    from sesgame.game.player_types import Symmetry

__all__ = ["GameAlgebra"]

G = TypeVar("G", bound="GameAlgebra")


class GameAlgebra(ABC):
    """What a game can be made into; a base class of :class:`sesgame.Game`."""

    players: Players
    kind: Kind
    native: NativeGame | None
    rounding: float
    approximations: dict[str, Any]

    # Or an array of NumPy would take a product with a number of its own for itself.
    __array_ufunc__ = None

    @property
    @abstractmethod
    def tabulated(self) -> bool:
        """Whether the values of all coalitions are known."""

    @property
    @abstractmethod
    def function(self) -> CharacteristicFunction | None:
        """What gives the values, where that is Python."""

    @property
    @abstractmethod
    def symmetry(self) -> Symmetry | None:
        """Which players are symmetric, where the game was made with types."""

    @abstractmethod
    def tabulate(self) -> NDArray[np.float64]:
        """Return the values of all coalitions."""

    @abstractmethod
    def values(self, membership: Any, *, progress: bool = True) -> NDArray[np.float64]:
        """Return the values of many coalitions."""

    @abstractmethod
    def _made(self, players: Players, kind: Kind, **parts: Any) -> Self:
        """Return a game of other parts."""

    def __add__(self, other: object) -> Self:
        """Return the sum of two games of the same players: ``(v + w)(S) = v(S) + w(S)``.

        Raises
        ------
        GameError
            `other` is no game, of other players, or of the other kind.
        """
        if not isinstance(other, GameAlgebra):
            raise GameError(f"a game can be added to a game, got {other!r}")
        if other.kind != self.kind:
            raise GameError(
                f"a {self.kind} game and a {other.kind} game have no sum; "
                f"savings() makes gains of costs"
            )
        _check_same_players(self.players, other.players)
        if other.players != self.players:
            order = [[other.players.index(player)] for player in self.players]
            other = _of_unions(other, self.players, order)
        return _weighted_sum(self, [(1.0, self), (1.0, other)], symmetry=None)

    def __radd__(self, other: object) -> Self:
        """Return the game itself for 0, with which :func:`sum` begins."""
        if isinstance(other, int) and other == 0:
            return self
        raise GameError(f"a game can be added to a game, got {other!r}")

    def __mul__(self, factor: object) -> Self:
        """Return a multiple of the game: ``(a v)(S) = a v(S)``.

        Raises
        ------
        GameError
            The factor is no finite number, or negative.
        """
        if not isinstance(factor, Real) or not math.isfinite(factor):
            raise GameError(f"a game can be multiplied by a finite number, got {factor!r}")
        if factor < 0:
            raise GameError(
                f"the factor {factor} is negative, which would turn gains into losses; savings() "
                f"makes gains of costs, and dual() turns around who is asked first"
            )
        return _weighted_sum(self, [(float(factor), self)], symmetry=self.symmetry)

    __rmul__ = __mul__

    @unchecked
    def dual(self) -> Self:
        r"""Return the dual game: what the others could not keep from a coalition.

        .. math:: v^*(S) = v(N) - v(N \setminus S)

        Returns
        -------
        Game
            Of the same players and kind. Its dual is the game, and its Shapley value the same.

        Raises
        ------
        CharacteristicFunctionError
            The grand coalition has no finite value.

        Notes
        -----
        One evaluation, of the grand coalition.

        Examples
        --------
        >>> import sesgame as sg
        >>> cable = sg.games.airport([12, 20, 33])
        >>> cable.dual().tabulate().tolist()
        [0.0, 0.0, 0.0, 0.0, 13.0, 13.0, 21.0, 33.0]
        """
        total = float(self.values(np.ones((1, len(self.players)), np.bool_), progress=False)[0])
        table = total - self.tabulate()[::-1] if self.tabulated else None
        return self._made(
            self.players,
            self.kind,
            native=None if self.native is None else native_from(dual_game, self.native, total),
            table=table,
            function=Dual(self.players, Part(self), total) if self.native is None else None,
            symmetry=self.symmetry,
            rounding=2 * self.rounding + math.ulp(total),
            approximations={name: game.dual() for name, game in self.approximations.items()},
        )

    def restricted_to(self, members: Iterable[Hashable]) -> Self:
        """Return the game among some of the players: a subgame.

        Parameters
        ----------
        members : iterable of hashable
            Who is left, in any order; they keep that of the game.

        Returns
        -------
        Game
            ``v(S)`` for all coalitions S of `members`.

        Raises
        ------
        CoalitionError
            Nobody is left, or a member is unknown or duplicate.

        Examples
        --------
        >>> import sesgame as sg
        >>> cable = sg.games.airport([12, 20, 33], players=["near", "middle", "far"])
        >>> cable.restricted_to(["middle", "near"]).tabulate().tolist()
        [0.0, 12.0, 20.0, 20.0]
        """
        indices = sorted(self.players.indices(_iterated(members, "members")))
        if not indices:
            raise CoalitionError("a game restricted to nobody has no players")
        players = Players(self.players[index] for index in indices)
        return _of_unions(self, players, [[index] for index in indices])

    def quotient(
        self, unions: Mapping[Hashable, Iterable[Hashable]] | Iterable[Iterable[Hashable]]
    ) -> Self:
        r"""Return the game between unions, each of which acts as one player.

        .. math:: w(T) = v\Bigl( \bigcup_{U \in T} U \Bigr)

        Parameters
        ----------
        unions : mapping of label to iterable of players, or iterable of iterables of players
            Each player in one union. The labels are the new players; without labels these are
            the tuples of their members, in player order.

        Raises
        ------
        CoalitionError
            A member is unknown.
        GameError
            There is no union, one is empty, or a player is in two of them or in none.

        Examples
        --------
        >>> import sesgame as sg
        >>> cable = sg.games.airport([12, 20, 33], players=["near", "middle", "far"])
        >>> villages = cable.quotient({"west": ["near", "middle"], "east": ["far"]})
        >>> villages.value(["west"]), villages.value(["west", "east"])
        (20.0, 33.0)
        """
        given = _iterated(unions, "unions")
        if isinstance(unions, Mapping):
            given = [unions[label] for label in given]
        groups = [
            sorted(self.players.indices(_iterated(union, "a union", CoalitionError)))
            for union in given
        ]
        _check_partition(self.players, groups)
        labels: Iterable[Hashable] = (
            unions
            if isinstance(unions, Mapping)
            else [tuple(self.players[index] for index in group) for group in groups]
        )
        return _of_unions(self, Players(labels), groups)

    def zero_normalised(self) -> Self:
        r"""Return what coalitions have beyond what their members have alone.

        .. math:: v_0(S) = v(S) - \sum_{i \in S} v(i)

        Returns
        -------
        Game
            Of the same kind, in which every player alone is worth 0; for costs its values are
            the negative of :meth:`savings`.

        Raises
        ------
        CharacteristicFunctionError
            A player alone has no finite value.

        Notes
        -----
        n evaluations, of the players alone.

        Examples
        --------
        >>> import sesgame as sg
        >>> sg.games.airport([12, 20]).zero_normalised().tabulate().tolist()
        [0.0, 0.0, 0.0, -12.0]
        """
        return _beyond_alone(self, 1.0, self.kind)

    def savings(self) -> Self:
        r"""Return the savings form of a cost game: what coalitions save against standing alone.

        .. math:: v(S) = \sum_{i \in S} c(i) - c(S)

        Returns
        -------
        Game
            A gain game of the same players.

        Raises
        ------
        GameError
            The game is one of gains.
        CharacteristicFunctionError
            A player alone has no finite value.

        Notes
        -----
        n evaluations, of the players alone. ``x`` is an allocation of the savings with some
        property, such as the nucleolus, where ``c(i) - x_i`` is one of the costs.

        Examples
        --------
        >>> import sesgame as sg
        >>> sg.games.airport([12, 20]).savings()
        Game(2 players, kind='gain', native)
        """
        if self.kind != "cost":
            raise GameError(
                "only a cost game has savings; zero_normalised() is what coalitions gain"
            )
        return _beyond_alone(self, -1.0, "gain")


@unchecked
def _weighted_sum(
    first: G, weighted: Sequence[tuple[float, GameAlgebra]], symmetry: Symmetry | None
) -> G:
    """Return the weighted sum of games of the same players in the same order."""
    native, table = None, None
    natives = [game.native for _, game in weighted if game.native is not None]
    if len(natives) == len(weighted):
        weights = np.array([weight for weight, _ in weighted])
        native = native_from(weighted_sum_game, natives, weights)
    if all(game.tabulated for _, game in weighted):
        table = added([weight * game.tabulate() for weight, game in weighted])
    parts = tuple((weight, Part(game)) for weight, game in weighted)
    return first._made(
        first.players,
        first.kind,
        native=native,
        table=table,
        function=WeightedSum(first.players, parts) if native is None else None,
        symmetry=symmetry,
        rounding=sum(weight * game.rounding for weight, game in weighted),
        approximations={
            name: _weighted_sum(
                first, [(w, game.approximations[name]) for w, game in weighted], symmetry=None
            )
            for name in first.approximations
            if all(name in game.approximations for _, game in weighted)
        },
    )


def _of_unions(game: G, players: Players, unions: list[list[int]]) -> G:
    """Return the game whose players stand for unions of those of another."""
    table = None
    if game.tabulated and len(players) <= len(game.players):
        masks = np.zeros(1, np.int64)
        for union in unions:
            masks = np.concatenate([masks, masks | sum(1 << index for index in union)])
        table = game.tabulate()[masks]
    members = np.zeros((len(unions), len(game.players)), np.bool_)
    for row, union in zip(members, unions, strict=True):
        row[union] = True
    return game._made(
        players,
        game.kind,
        native=None if game.native is None else native_from(unions_game, game.native, unions),
        table=table,
        function=OfUnions(players, Part(game), members) if game.native is None else None,
        rounding=game.rounding,
        approximations={
            name: _of_unions(close, players, unions) for name, close in game.approximations.items()
        },
    )


@unchecked
def _beyond_alone(game: G, factor: float, kind: Kind) -> G:
    """Return the game less what its players have alone, times a factor of 1 or -1."""
    n = len(game.players)
    single = np.concatenate([np.eye(n, dtype=np.bool_), np.ones((1, n), np.bool_)])
    *alone, total = game.values(single, progress=False).tolist()
    offsets = -factor * np.array(alone)
    table = None
    if game.tabulated:
        sums = np.zeros(1)
        for offset in offsets.tolist():
            sums = np.concatenate([sums, sums + offset])
        table = factor * game.tabulate() + sums
    magnitude = math.fsum(map(abs, alone)) + abs(total)
    return game._made(
        game.players,
        kind,
        native=None
        if game.native is None
        else native_from(strategic_equivalent, game.native, factor, offsets),
        table=table,
        function=None
        if game.native is not None
        else Equivalent(game.players, Part(game), factor, offsets),
        symmetry=game.symmetry,
        # n values are taken off one, and each sum is rounded.
        rounding=(n + 1) * (game.rounding + math.ulp(magnitude)),
        approximations={
            name: _beyond_alone(close, factor, kind) for name, close in game.approximations.items()
        },
    )


def _iterated(
    given: Any, what: str, error: type[GameError | CoalitionError] = GameError
) -> list[Any]:
    """Return what is given as a list.

    Raises
    ------
    GameError, CoalitionError
        It cannot be iterated over, or is a string.
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise error(f"{what} must be a collection of labels, got {given!r}")
    return list(given)


def _check_same_players(ours: Players, others: Players) -> None:
    """Refuse to add games of other players, and name them."""
    missing = [player for player in ours if player not in others]
    further = [player for player in others if player not in ours]
    if missing or further:
        found = [
            f"{format_coalition(labels)} {'is' if len(labels) == 1 else 'are'} only in the {which}"
            for labels, which in ((missing, "first"), (further, "second"))
            if labels
        ]
        raise GameError(f"the sum of games needs the same players in both; {' and '.join(found)}")


def _check_partition(players: Players, groups: Sequence[Sequence[int]]) -> None:
    """Refuse unions that are not a partition, and name who is in two or in none."""
    if not groups or not all(groups):
        raise GameError(f"union {groups.index([])} is empty" if groups else "there is no union")
    owner: dict[int, int] = {}
    for place, group in enumerate(groups):
        for index in group:
            if owner.setdefault(index, place) != place:
                raise GameError(
                    f"{players[index]!r} is in two unions, {owner[index]} and {place}; each "
                    f"player belongs to one"
                )
    missing = [player for index, player in enumerate(players) if index not in owner]
    if missing:
        raise GameError(f"every player belongs to a union; in none is {format_coalition(missing)}")
