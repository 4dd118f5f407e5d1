"""Allocations (payoff vectors), which every solution returns, and their evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import (
    Callable,
    Hashable,
    ItemsView,
    Iterable,
    Iterator,
    KeysView,
    Mapping,
    Sequence,
)
from fractions import Fraction
from numbers import Real
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    Protocol,
    TypeGuard,
    get_args,
    runtime_checkable,
)

import numpy as np

from sesgame.errors import AllocationError, GameError
from sesgame.files.json_text import json_text, kept_fields, plain, restored
from sesgame.formatting import html_table, left_out, named, shown
from sesgame.game.by_value import ByValue
from sesgame.game.players import Players
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from sesgame.game.cost_basis import CostBasis

__all__ = [
    "Allocation",
    "Course",
    "Evidence",
    "Intervals",
    "Kind",
    "Level",
    "SupportsAllocation",
    "Verdict",
    "is_kind",
]

Kind = Literal["gain", "cost"]


def is_kind(value: object) -> TypeGuard[Kind]:
    """Return whether something is a kind of game."""
    return isinstance(value, str) and value in get_args(Kind)


def is_number(value: object) -> bool:
    """Return whether something is a real number, and no flag."""
    return isinstance(value, Real) and not isinstance(value, bool)


class Verdict(Protocol):
    """What :meth:`Evidence.verify` finds: true as a condition if the claim is proved."""

    @property
    def claim(self) -> str:
        """The statement that was checked."""

    @property
    def state(self) -> Literal["proved", "refuted", "open"]:
        """Proved, refuted where something fails, or open where only a part is proved."""

    @property
    def holds(self) -> bool:
        """The claim is proved: nothing fails, and nothing is left unchecked."""

    @property
    def failures(self) -> tuple[str, ...]:
        """What fails, in words."""

    @property
    def unchecked(self) -> tuple[str, ...]:
        """What could not be checked."""

    @property
    def checked_by(self) -> str:
        """By what it was checked, in words."""


class Level(Protocol):
    """A part of a certificate: coalitions in balance, of one excess; see ``Stage``."""

    @property
    def excess(self) -> float:
        """What each of the coalitions would gain by leaving."""

    @property
    def coalitions(self) -> tuple[tuple[Hashable, ...], ...]:
        """The coalitions."""

    @property
    def weights(self) -> tuple[float, ...]:
        """One for each of the coalitions."""

    @property
    def bounds(self) -> tuple[Hashable, ...]:
        """Players who get what they have alone."""

    @property
    def bound_weights(self) -> tuple[float, ...]:
        """One for each of those players."""


@dataclasses.dataclass(frozen=True, eq=False)
class Intervals(ByValue):
    """Between what the values of an allocation lie, where that is open.

    Attributes
    ----------
    lowest, highest : ndarray of float, shape (n,)
        The ends.
    reason : str
        Between what a value lies, in words.
    half_widths : ndarray of float, shape (n,), or None
        Of intervals around the values; None where they are not.
    confidence : float or None
        The probability that an interval covers, of a sample; None where the ends are certain.
    simultaneous : bool
        Whether it is the probability that all of them cover.
    """

    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    reason: str
    half_widths: NDArray[np.float64] | None = None
    confidence: float | None = None
    simultaneous: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Course(ByValue):
    """Convergence of an estimate: after each of k looks at the sample.

    Attributes
    ----------
    estimator : str
        What estimated.
    unsampled : str
        Why nothing had to be sampled; empty where it had.
    confidence : float
        Of the intervals.
    half_widths : ndarray of float, shape (n,)
        Of the intervals at the end.
    evaluations : ndarray of int, shape (k,)
        Coalitions that had been evaluated.
    widest : ndarray of float, shape (k,)
        The largest half-width.
    values : ndarray of float, shape (k, n)
        The estimates.
    """

    estimator: str
    unsampled: str
    confidence: float
    half_widths: NDArray[np.float64]
    evaluations: NDArray[np.int64]
    widest: NDArray[np.float64]
    values: NDArray[np.float64]


Amount = Callable[[float], str]
"""How a figure is written, with its unit."""


class Evidence(ByValue):
    """Base class of what proves, or qualifies, an allocation; a frozen dataclass each.

    Whoever reads an allocation asks here, and never which class of evidence it has. Everything but
    the fields is optional.
    """

    _kinds: ClassVar[list[type[Evidence]]] = []

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        Evidence._kinds.append(cls)

    @property
    def n_evaluations(self) -> int | None:
        """How many coalitions were evaluated; None: all that the game has in its table."""
        return None

    @property
    def arrangement(self) -> float | None:
        """What the rule's own arrangement gains or costs in all; None: the optimum, v(N)."""
        return None

    @property
    def basis(self) -> CostBasis | None:
        """On what terms an arrangement of its own stands; None: on those of the game."""
        return None

    @property
    def residual_claimant(self) -> str:
        """Who outside the game keeps what is collected beyond :attr:`arrangement`, or lacks it.

        Say ``"operator"``; empty where nobody does, so that the shares are to add up to it.
        """
        return ""

    @property
    def unproved(self) -> str:
        """Why the values may not be what the rule says; empty where nothing is open."""
        return ""

    @property
    def levels(self) -> Sequence[Level]:
        """The parts of a certificate that can be added up by hand."""
        return ()

    @property
    def is_per_member(self) -> bool:
        """Whether the excesses of :attr:`levels` are divided by the size of the coalition."""
        return False

    @property
    def course(self) -> Course | None:
        """Convergence of the estimates of a sample."""
        return None

    @property
    def words(self) -> Mapping[str, str]:
        """What fills the places that the meaning of a rule has, beside those of all rules."""
        return {}

    @property
    def audited(self) -> bool:
        """Whether :func:`~sesgame.audit` calls `verify`, too, since that is quick."""
        return False

    def intervals(self, allocation: Allocation) -> Intervals | None:
        """Return between what the values lie, where that is open."""
        return None

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return in sentences how far the values are from what the rule means."""
        return []

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return in sentences what the values rest on, for members."""
        return []

    def verify(self, game: Any, oracle: Any = None, *, exact: bool = False) -> Verdict | None:
        """Check what is claimed on the game itself; None where there is nothing to check.

        An oracle is asked where the evidence rests on the word of one, and `exact` means fractions.
        """
        return None

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in the types that JSON knows."""
        result: dict[str, Any] = plain(self)
        return result

    def repeatable(self) -> dict[str, Any]:
        """Return the fields that ``result.json`` keeps.

        Without what is never the same twice, such as seconds, what is not read back, and the
        shares, which stand beside.
        """
        names = [name for name in kept_fields(self) if name != "values"]
        return {name: plain(getattr(self, name)) for name in names}

    @property
    def manner(self) -> str:
        """What the method of the allocation says in parentheses behind the title of the rule."""
        return ""

    @staticmethod
    def names_arrangement(kept: Mapping[str, Any]) -> bool:
        """Return whether what :meth:`from_dict` takes is of a rule with its own arrangement."""
        kind = next(kind for kind in Evidence._kinds if kind.__name__ == kept["kind"])
        return kind.arrangement is not Evidence.arrangement

    @classmethod
    def from_dict(
        cls,
        kept: Mapping[str, Any],
        values: Sequence[float],
        labels: Mapping[str, Hashable],
        path: str = "evidence",
    ) -> Evidence | None:
        """Return the evidence that :meth:`repeatable` wrote; None for a kind without `verify`.

        Parameters
        ----------
        kept : mapping
            As JSON has it, with the name of the class as `kind`.
        values : sequence of float
            The allocation, which it has to prove.
        labels : mapping of str to hashable
            Each player's label by its own JSON.
        path : str
            Where it stands, for errors.

        Raises
        ------
        GameError
            There is no such kind, or its fields are others.
        """
        kinds = {kind.__name__: kind for kind in Evidence._kinds}
        name = kept.get("kind")
        if not isinstance(name, str) or name not in kinds:
            raise GameError(f"{path}.kind names no kind of evidence: {str(name)[:60]!r}")
        kind = kinds[name]
        fields = {key: item for key, item in kept.items() if key != "kind"}
        if "values" in fields:
            raise GameError(f"{path} has the unknown field 'values'; the shares stand beside it")
        if kind.verify is Evidence.verify or "values" not in kept_fields(kind):
            return None
        evidence: Evidence = restored(kind, {**fields, "values": list(values)}, labels, path)
        return evidence


SAVED = ("method", "kind", "values", "exact", "total", "tolerance", "evidence", "origin")
"""What :meth:`Allocation.to_dict` tells."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Allocation(ByValue):
    """Who gets what: one number for each player.

    Parameters
    ----------
    players : Players or iterable of hashable
        The players, in the order of `values`.
    values : array_like of float, shape (n,)
        What each player gets (gain game) or pays (cost game).
    kind : {"gain", "cost"}
        The sense of `values`, that of the game.
    method : str
        The solution that made it, for example ``"nucleolus"``.
    tolerance : float
        Absolute precision of `values`, in their unit, as whoever made them says. An audit does not
        widen by it.
    evidence : Evidence, optional
        What proves or qualifies the values; depends on the method.
    exact : tuple of Fraction, optional
        The values without rounding, from a method that was asked for them.

    Attributes
    ----------
    rule : str or None
        The name of the rule that made it, which is not said of what somebody else has made:
        a rule alone sets it, and a changed copy has none.
    origin : str
        Which game it is of, where a rule was given a community or another world instead of a game:
        its ``cost_game()``, and by which model. Otherwise empty.

    Raises
    ------
    AllocationError
        `values` has the wrong length or is not finite, or `kind` is neither.
    CoalitionError
        Somebody asks for the share of a player that is not there.

    Notes
    -----
    An allocation is read like a mapping from player to share: ``allocation["ann"]``, ``in``,
    ``len``, iteration over the players, ``keys()``, ``items()`` and ``dict(allocation)``. It is no
    ``collections.abc.Mapping``, since `values` is the array, which ``np.asarray(allocation)``
    gives, too. Two are equal if players in their order, shares, kind and rule are, whatever
    the evidence. None has a hash.

    Examples
    --------
    >>> import sesgame as sg
    >>> half = sg.Allocation(["ann", "bob"], [2.0, 2.0], kind="gain", method="equal split")
    >>> half["ann"], half.total
    (2.0, 4.0)
    >>> dict(half)
    {'ann': 2.0, 'bob': 2.0}
    """

    players: Players
    values: NDArray[np.float64]
    kind: Kind
    method: str
    tolerance: float = 0.0
    evidence: Evidence | None = None
    exact: tuple[Fraction, ...] | None = None
    rule: str | None = dataclasses.field(default=None, init=False)
    origin: str = dataclasses.field(default="", init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.players, Players):
            object.__setattr__(self, "players", Players(self.players))
        object.__setattr__(self, "values", checked_values(self.players, self.values))
        if not is_kind(self.kind):
            raise AllocationError(f'kind must be "gain" or "cost", got {named(self.kind)}')
        if not isinstance(self.method, str):
            raise AllocationError(f"method must be text, got {named(self.method)}")
        if not is_number(self.tolerance):
            raise AllocationError(f"tolerance must be a number, got {named(self.tolerance)}")

    @property
    def total(self) -> float:
        """The sum of all values."""
        return float(self.values.sum())

    @property
    def intervals(self) -> Intervals | None:
        """Between what the values lie, where the evidence leaves that open."""
        return None if self.evidence is None else self.evidence.intervals(self)

    def __getitem__(self, player: Hashable) -> float:
        return float(self.values[self.players.index(player)])

    def __len__(self) -> int:
        return len(self.players)

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self.players)

    def __contains__(self, player: object) -> bool:
        return player in self.players

    def keys(self) -> KeysView[Hashable]:
        """Return the players, so that ``dict(allocation)`` is the shares by player."""
        return KeysView(self)

    def items(self) -> ItemsView[Hashable, float]:
        """Return each player with its share."""
        return ItemsView(self)

    def __array__(
        self, dtype: np.typing.DTypeLike | None = None, copy: bool | None = None
    ) -> NDArray[Any]:
        wanted = self.values.dtype if dtype is None else np.dtype(dtype)
        if wanted == self.values.dtype and not copy:
            return self.values
        if copy is False:
            raise AllocationError(f"shares are float64; as {wanted} they need a copy")
        return self.values.astype(wanted)

    def _parts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("players", "values", "kind", "rule")}

    @classmethod
    def from_dict(
        cls, shares: Mapping[Any, Any], *, kind: Kind | None = None, method: str | None = None
    ) -> Allocation:
        """Return the allocation whose shares stand in a mapping.

        Parameters
        ----------
        shares : mapping
            From player to share; or what :meth:`to_dict` returned, which tells kind and method.
        kind : {"gain", "cost"}, optional
            The sense of the shares; needed where the mapping does not tell it.
        method : str, optional
            What made them; by default ``"given"``, or what the mapping tells.

        Raises
        ------
        AllocationError
            There is no player, a share is not a finite number (the player is named), the kind is
            missing or another one than the mapping tells, or the mapping is neither of the two.

        Notes
        -----
        Of what :meth:`to_dict` returned players (as text), shares, fractions and tolerance come
        back. Which rule made them does not, since nothing proves that here, and so no evidence;
        :func:`sesgame.read_result` reads both and checks them.

        Examples
        --------
        >>> import sesgame as sg
        >>> bills = sg.Allocation.from_dict({"ann": 30, "bob": 20.0}, kind="cost")
        >>> sg.Allocation.from_dict(bills.to_dict()) == bills
        True
        """
        if not isinstance(shares, Mapping):
            raise AllocationError(
                f"an allocation is made from a mapping of player to share, or from what to_dict() "
                f"returned, not from {named(shares)}"
            )
        saved: Mapping[str, Any] = {}
        if isinstance(shares.get("values"), Mapping):
            saved, shares = shares, shares["values"]
            unknown = [key for key in saved if key not in SAVED]
            if unknown:
                raise AllocationError(f"a saved allocation has no {unknown[0]!r}")
        told = saved.get("kind", kind)
        if not is_kind(told) or not (kind is None or is_kind(kind)):
            wrong = kind if is_kind(told) else told
            raise AllocationError(f'kind must be "gain" or "cost", got {named(wrong)}')
        if kind is not None and kind != told:
            raise AllocationError(f"kind is {kind!r}, but these shares are of a {told} game")
        if not isinstance(method, (str, type(None))):
            raise AllocationError(f"method must be text, got {named(method)}")
        exact = saved.get("exact")
        try:
            tolerance = float(saved.get("tolerance", 0.0))
            fractions = None if exact is None else tuple(Fraction(text) for text in exact)
        except (TypeError, ValueError, ZeroDivisionError) as error:
            raise AllocationError(f"tolerance or exact of the allocation: {error}") from error
        if fractions is not None and len(fractions) != len(shares):
            raise AllocationError(f"{len(fractions)} fractions for {len(shares)} shares")
        if not shares:
            raise AllocationError("an allocation needs at least one player")
        return cls(
            Players(shares),
            np.array(shares_of(shares, list(shares))),
            told,
            method or str(saved.get("method", "given")),
            tolerance=tolerance,
            exact=fractions,
        )

    def to_json(self) -> str:
        """Return :meth:`to_dict` as JSON text; what is not a finite number is null.

        Raises
        ------
        GameError
            As in :meth:`to_dict`.
        """
        return json_text(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return everything in the types that JSON knows; values by player label.

        Raises
        ------
        GameError
            Two players have the same text, such as 1 and ``"1"``.
        """
        exact = {} if self.exact is None else {"exact": plain(self.exact)}
        return {
            "method": self.method,
            "kind": self.kind,
            "values": dict(zip(texts(self.players), self.values.tolist(), strict=True)),
            **exact,
            "total": self.total,
            "tolerance": self.tolerance,
            "evidence": None if self.evidence is None else self.evidence.to_dict(),
            **({"origin": self.origin} if self.origin else {}),
        }

    def to_pandas(self) -> pd.Series[float]:
        """Return the values as a pandas Series, indexed by player (extra ``pandas``)."""
        with needs("pandas", "frames need pandas"):
            import pandas as pd

        return pd.Series(self.values, index=list(self.players), name=self.method)

    def __repr__(self) -> str:
        head = f"Allocation(method={self.method!r}, kind={self.kind!r}, total={self.total:.6g})"
        if self.origin:
            head += f"\n  of {self.origin}"
        rows = self._rows()
        width = max(len(label) for label, _ in rows)
        lines = [f"  {label:<{width}}  {value}" for label, value in rows]
        missing = left_out(len(self.players))
        return "\n".join([head, *lines, *([f"  ... and {missing:,} more"] if missing else [])])

    def _repr_html_(self) -> str:
        missing = left_out(len(self.players))
        rows = [*self._rows(), *([[f"... and {missing:,} more"]] if missing else [])]
        return html_table(["player", self.method], [*rows, ["total", f"{self.total:.6g}"]])

    def _rows(self) -> list[list[str]]:
        """Return the players that are listed, what each gets, and how surely if that is sampled."""
        n_rows = len(self.players) - left_out(len(self.players))
        values = [f"{value:.6g}" for value in self.values[:n_rows]]
        rows = [[shown(player), value] for player, value in zip(self.players, values, strict=False)]
        intervals = self.intervals
        if intervals and intervals.half_widths is not None:
            for row, width in zip(rows, intervals.half_widths, strict=False):
                row[1] += f" \N{PLUS-MINUS SIGN} {width:.2g}"
        return rows


@runtime_checkable
class SupportsAllocation(Protocol):
    """What knows the bills of an arrangement, such as a storage cloud."""

    def allocation(self) -> Allocation:
        """Return what each member gets or pays, with evidence that says on what terms."""


def texts(players: Iterable[Hashable]) -> list[str]:
    """Return the players as files name them.

    Raises
    ------
    GameError
        Two players have the same text, such as 1 and ``"1"``, so that one would be lost.
    """
    named: dict[str, Hashable] = {}
    for player in players:
        text = str(player)
        if text in named:
            raise GameError(
                f"the players {named[text]!r} and {player!r} have the same text, {text!r}, so no "
                f"file can tell them apart; use other labels"
            )
        named[text] = player
    return list(named)


def shares_of(shares: Mapping[Hashable, Any], players: Sequence[Hashable]) -> list[float]:
    """Return the share of each player; text is taken for no number.

    Raises
    ------
    AllocationError
        A share is no number; the player is named.
    """
    found = []
    for player in players:
        share = shares[player]
        try:
            if isinstance(share, (str, bytes)):
                raise TypeError("text")
            found.append(float(share))
        except (TypeError, ValueError, OverflowError) as error:
            raise AllocationError(
                f"player {player!r} gets {share!r} ({type(share).__name__}); a number is needed"
            ) from error
    return found


def checked_values(players: Players, values: ArrayLike) -> NDArray[np.float64]:
    """Return one finite number for each player as a read-only array of its own.

    Raises
    ------
    AllocationError
        Wrong shape, not numbers, NaN or infinite; the player is named.
    """
    try:
        given = np.asarray(values)
        if given.dtype.kind not in "biufO":
            raise TypeError(f"{named(values)}")
        array = np.array(given, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise AllocationError(f"the values of an allocation are not numbers: {error}") from error
    if array.shape != (len(players),):
        raise AllocationError(
            f"an allocation of {len(players)} players needs shape ({len(players)},), "
            f"not {array.shape}"
        )
    finite = np.isfinite(array)
    if not finite.all():
        index = int(np.argmin(finite))
        raise AllocationError(f"player {players[index]!r} gets {array[index]}, not a finite number")
    array.setflags(write=False)
    return array
