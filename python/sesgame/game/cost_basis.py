"""On what terms costs stand: whose they are, of which period, and what "alone" and "bought" mean.

Bills of two arrangements can be compared only where these are the same. What makes a game says what
its costs are (:class:`CostTerms`), an arrangement says what its bills are (:class:`CostBasis`), and
a comparison refuses what differs.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sesgame.errors import AllocationError
from sesgame.formatting import format_coalition

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.game.players import Players

__all__ = ["CostBasis", "CostTerms"]

SAME_COST = 1e-6
"""Part of the largest cost up to which two solvers may differ on one cost."""


class Costs(Protocol):
    """A cost game, as far as a basis asks it; allocations, which have one, are below games."""

    @property
    def players(self) -> Players:
        """The members."""

    def values(self, coalitions: ArrayLike, *, progress: bool) -> NDArray[np.float64]:
        """Return the cost of each coalition, a row of truth values."""


@dataclass(frozen=True)
class CostTerms:
    """What costs are of, in words that are the same for the same thing.

    Attributes
    ----------
    period : str
        From when to when, in which steps; empty where there is no calendar.
    alone : str
        What a member does that cooperates with nobody.
    investment : str
        Which capacity is bought, and at what price; or that none is.

    Examples
    --------
    >>> terms = CostTerms("June 2016", "each at the tariff", "nothing is bought")
    >>> print(terms)
    Period: June 2016. Alone: each at the tariff. Investment: nothing is bought.
    """

    period: str
    alone: str
    investment: str

    def __str__(self) -> str:
        parts = {"Period": self.period, "Alone": self.alone, "Investment": self.investment}
        return " ".join(f"{what}: {words}." for what, words in parts.items() if words)


@dataclass(frozen=True)
class CostBasis:
    """On what the bills of an arrangement stand.

    Attributes
    ----------
    members : tuple of hashable
        Whose bills they are.
    terms : CostTerms
        Period, alone and investment, in words.
    costs_alone : tuple of float
        What each of them would bear alone.
    optimum : float or None
        The least that all could bear together, v(N), where the arrangement knows it.

    Examples
    --------
    >>> terms = CostTerms("June 2016", "each at the tariff", "nothing is bought")
    >>> of_june = CostBasis(("ann", "bob"), terms, (40.0, 30.0))
    >>> of_june.differences(("bob", "ann"), terms, (30.0, 40.0), 50.0)
    []
    >>> july = CostTerms("July 2016", terms.alone, terms.investment)
    >>> of_june.differences(("ann", "bob"), july, (40.0, 31.0), 50.0)
    ['period is "June 2016" there, and "July 2016" here']
    >>> of_june.differences(("ann", "bob"), terms, (40.0, 31.0), 50.0)
    ['alone bob bears 30 there, and 31 here']
    """

    members: tuple[Hashable, ...]
    terms: CostTerms
    costs_alone: tuple[float, ...]
    optimum: float | None = None

    def __post_init__(self) -> None:
        if len(self.members) != len(self.costs_alone):
            raise AllocationError(
                f"{len(self.members)} members and {len(self.costs_alone)} costs alone"
            )

    @classmethod
    def of(cls, game: Costs, terms: CostTerms) -> CostBasis:
        """Return the basis of what a world's game splits; n + 1 coalitions are evaluated.

        Parameters
        ----------
        game : Game
            Costs, the world's ``cost_game(model=model)``.
        terms : CostTerms
            The world's ``cost_terms(model)``, in the same period.

        Examples
        --------
        >>> import sesgame as sg
        >>> game = sg.Game.from_table([0, 40, 30, 50], ["ann", "bob"], kind="cost")
        >>> terms = CostTerms("June 2016", "each at the tariff", "nothing is bought")
        >>> CostBasis.of(game, terms).costs_alone
        (40.0, 30.0)
        """
        n = len(game.players)
        few = np.concatenate([np.eye(n, dtype=np.bool_), np.ones((1, n), dtype=np.bool_)])
        *alone, together = game.values(few, progress=False).tolist()
        return cls(tuple(game.players), terms, tuple(alone), together)

    def differences(
        self,
        members: Sequence[Hashable],
        terms: CostTerms | None,
        costs_alone: Sequence[float],
        optimum: float,
    ) -> list[str]:
        """Return in words how the basis differs from that of a game; nothing where it does not.

        Parameters
        ----------
        members : sequence of hashable
            Those of the game, in any order.
        terms : CostTerms or None
            Of what made the game; None for a game of values, which tells none.
        costs_alone : sequence of float
            What each of `members` has alone in the game.
        optimum : float
            v(N) of the game.
        """
        here = dict(zip(members, costs_alone, strict=True))
        told = dict(zip(self.members, self.costs_alone, strict=True))
        if here.keys() != told.keys():
            missing = [member for member in here if member not in told]
            unknown = [member for member in told if member not in here]
            return [
                f"its members are others: missing {format_coalition(missing)}, unknown "
                f"{format_coalition(unknown)}"
            ]
        if terms is not None:
            names = ("period", "alone", "investment")
            pairs = [(name, getattr(self.terms, name), getattr(terms, name)) for name in names]
            # Where words differ, figures do, too.
            found = [
                f'{name} is "{there or "not told"}" there, and "{own or "not told"}" here'
                for name, there, own in pairs
                if there != own
            ]
            if found:
                return found
        found = []
        slack = SAME_COST * max(map(abs, (*here.values(), *told.values(), optimum)))
        off = {member: abs(told[member] - here[member]) for member in here}
        worst = max(off, key=lambda member: off[member])
        if off[worst] > slack:
            found.append(f"alone {worst} bears {told[worst]:g} there, and {here[worst]:g} here")
        if self.optimum is not None and abs(self.optimum - optimum) > slack:
            found.append(f"all together bear {self.optimum:g} there, and {optimum:g} here")
        return found
