"""Who belongs together: the coalition structure with the greatest total."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame._engine import partition_of_cover, superadditive_cover
from sesgame.errors import PlayerLimitError
from sesgame.files.json_text import plain
from sesgame.formatting import count, html_table, short_coalition, size
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.game.game import Game
from sesgame.progress import progress_report
from sesgame.stability.property import equal_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.allocation import Kind

__all__ = ["MAX_PARTITION_PLAYERS", "BestPartition", "best_partition"]

MAX_PARTITION_PLAYERS = 24
"""Of how many players all parts of all coalitions are looked at: 3^24 / 3 are 10^11."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class BestPartition(ByValue):
    """A coalition structure that no other one beats.

    Attributes
    ----------
    kind : {"gain", "cost"}
        The sense of the game.
    coalitions : tuple of tuple of hashable
        The structure: each player in one coalition; those with earlier players come first.
    values : tuple of float
        What each coalition has, or costs.
    together : float
        The same of all players in one coalition, v(N).
    alone : float
        The sum over players who are all alone.
    tolerance : float
        No structure is better by more than this, in the unit of the game; coalitions that lose no
        more by joining are one.
    cover : Game
        What the players of each coalition have in the best structure of their own: the
        superadditive cover (of costs: the subadditive one). The points of its core are those of
        the core of the structure, so that each coalition splits what it has and nobody gains by
        leaving, alone or with members of other coalitions.
    """

    kind: Kind
    coalitions: tuple[tuple[Hashable, ...], ...]
    values: tuple[float, ...]
    together: float
    alone: float
    tolerance: float
    cover: Game

    @property
    def total(self) -> float:
        """What all coalitions of the structure have, or cost, together."""
        return float(sum(self.values))

    @property
    def advantage(self) -> float:
        """By how much the structure is better than all players in one coalition, at least 0."""
        return max(0.0, self.cover.sign * (self.total - self.together))

    def to_dict(self) -> dict[str, Any]:
        """Return the structure in the types that JSON knows, without the cover."""
        fields = [field.name for field in dataclasses.fields(self) if field.name != "cover"]
        return {
            **{name: plain(getattr(self, name)) for name in fields},
            "total": self.total,
            "advantage": self.advantage,
        }

    def _rows(self, unit: str = "") -> list[list[str]]:
        return [
            [short_coalition(coalition), size(value, unit)]
            for coalition, value in zip(self.coalitions, self.values, strict=True)
        ]

    def __str__(self) -> str:
        what = "value" if self.kind == "gain" else "cost"
        lines = [f"{count(len(self.coalitions), 'coalition')}, {what} {size(self.total, '')}:"]
        lines += [f"  {name}: {value}" for name, value in self._rows()]
        lines.append(
            f"One coalition of all: {size(self.together, '')}; everybody alone: "
            f"{size(self.alone, '')}."
        )
        return "\n".join(lines)

    def __repr__(self) -> str:
        names = " ".join(short_coalition(coalition) for coalition in self.coalitions)
        return f"BestPartition({names}, total={self.total:g})"

    def _repr_html_(self) -> str:
        return html_table(["coalition", self.kind], self._rows(), str(self).splitlines()[-1])


@checked_arguments
def best_partition(game: Game, *, progress: bool = True) -> BestPartition:
    r"""Return the coalition structure with the greatest total value (of costs: the least).

    .. math:: \max \{ \sum_{B \in \mathcal P} v(B) :
              \mathcal P \text{ is a partition of } N \}

    In a superadditive game (a subadditive one of costs) all players in one coalition are best. They
    are not where a coalition has costs of its own, or limits, thresholds or prices that follow its
    size.

    Parameters
    ----------
    game : Game
        Up to 24 players, which are tabulated.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    BestPartition
        Of structures that are equally good, one in which no two coalitions, and not all of them,
        lose by joining.

    Raises
    ------
    PlayerLimitError
        More than 24 players.
    CharacteristicFunctionError
        A value of the game is not a finite number.

    Notes
    -----
    Dynamic programming over coalitions,
    :math:`f(S) = \max \{ v(T) + f(S \setminus T) : T \subseteq S, \max S \in T \}`: exact, with
    :math:`3^n / 3` sums on all cores, and memory for a second table.

    References
    ----------
    Yeh (1986) [yeh1986]_ for the recursion; Aumann and Dreze (1974) [aumann1974]_ for the core of a
    coalition structure.

    Examples
    --------
    Two stalls share a stand for 3, but a third one needs a larger stand for 9:

    >>> import sesgame as sg
    >>> stands = {1: 2, 2: 3, 3: 9}
    >>> game = sg.Game.from_function(["ann", "bob", "eve"], lambda s: stands[len(s)], kind="cost")
    >>> found = sg.best_partition(game)
    >>> found
    BestPartition({ann} {bob, eve}, total=5)
    >>> found.advantage
    4.0
    """
    n = game.n_players
    if n > MAX_PARTITION_PLAYERS:
        raise PlayerLimitError(
            f"the best partition of {n} players takes 3^{n} / 3 sums", n, MAX_PARTITION_PLAYERS
        )
    table = game.tabulate(progress=progress)
    gains = table if game.kind == "gain" else -table
    with progress_report("coalition structures", " coalitions", progress) as report:
        cover = superadditive_cover(gains, report)
    slack = equal_values(game) / 2  # of which two values and a sum of two are compared
    parts = _joined(gains, partition_of_cover(gains, cover), slack)
    return BestPartition(
        kind=game.kind,
        coalitions=tuple(game.players.ordered_labels(part) for part in parts),
        values=tuple(float(table[part]) for part in parts),
        together=float(table[-1]),
        alone=float(table[1 << np.arange(n)].sum()),
        tolerance=len(parts) * slack,
        cover=Game.from_table(game.sign * cover, game.players, kind=game.kind),
    )


def _joined(gains: NDArray[np.float64], parts: list[int], slack: float) -> list[int]:
    """Return a partition in which no two coalitions lose by staying apart, in player order."""
    everybody = len(gains) - 1
    if gains[everybody] >= sum(gains[part] for part in parts) - slack:
        return [everybody]
    parts = sorted(parts, key=_first_player)
    while True:
        for one, other in combinations(parts, 2):
            if gains[one | other] >= gains[one] + gains[other] - slack:
                rest = [part for part in parts if part not in (one, other)]
                parts = sorted([*rest, one | other], key=_first_player)
                break
        else:
            return parts


def _first_player(part: int) -> int:
    return part & -part
