"""Games that add up over time: Shapley values sampled once, settled per period."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame._engine import shapley_value
from sesgame.errors import GameError
from sesgame.estimators.batch_moments import BatchMoments
from sesgame.estimators.permutations import Permutations, PermutationSampling
from sesgame.estimators.valuation import Valuation
from sesgame.formatting import format_coalition, named
from sesgame.game.allocation import Allocation, Kind, is_kind
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.game.game import MAX_TABLE_PLAYERS, Game
from sesgame.game.players import Players, keys_of_membership
from sesgame.game.portable import portable
from sesgame.optional_imports import needs
from sesgame.rule import Rule
from sesgame.shapley.confidence import half_widths, root_mean_square_errors
from sesgame.shapley.exact import SHAPLEY
from sesgame.shapley.sampled import SHAPLEY_ESTIMATE
from sesgame.shapley.sampling_evidence import SampledShapley, TracePoint

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from sesgame.rule import Rule

    Array = NDArray[np.float64]

__all__ = ["PeriodGame", "PeriodShares", "shapley_by_period"]

DEFAULT_EVALUATIONS = 10_000
"""The budget where none is given, or 40 for each player if that is more."""


class PeriodGame(ByValue):
    r"""A game that is the sum of one game for each period, :math:`v(S) = \sum_t v_t(S)`.

    A dispatch of many days without storage from one to the next is such a game; one with a battery
    across them, or with a charge on the highest peak of all, is not.

    Parameters
    ----------
    players : iterable of hashable
        The n players.
    function : callable
        From a bool array of shape (m, n), the coalitions, to their values, shape (m, P).
    periods : iterable of hashable
        One label for each of the P periods.
    kind : {"gain", "cost"}
        The sense of the values.

    Raises
    ------
    GameError
        There is no period, or a duplicate one, or `kind` is neither.

    Examples
    --------
    >>> import numpy as np
    >>> import sesgame as sg
    >>> load = np.array([[2.0, 0.0], [1.0, 3.0]])  # ann and bob, morning and evening
    >>> game = sg.PeriodGame(
    ...     ["ann", "bob"], lambda s: (s @ load) ** 2, ["morning", "evening"], kind="cost"
    ... )
    >>> shares = sg.shapley_by_period(game)
    >>> shares.values.tolist()
    [[6.0, 0.0], [3.0, 9.0]]
    >>> shares.allocation.values.tolist()
    [6.0, 12.0]
    """

    def __init__(
        self,
        players: Iterable[Hashable],
        function: Callable[[NDArray[np.bool_]], Array],
        periods: Iterable[Hashable],
        *,
        kind: Kind,
    ) -> None:
        self.players = Players(players)
        if isinstance(periods, str) or not isinstance(periods, Iterable):
            raise GameError(f"periods must be a collection of labels, got {named(periods)}")
        if not callable(function):
            raise GameError(f"function must be callable, got {named(function)}")
        self.periods = tuple(periods)
        if not self.periods:
            raise GameError("periods must not be empty")
        for period in self.periods:
            if not isinstance(period, Hashable):
                raise GameError(f"a period must be a label, got {named(period)}")
        if len(set(self.periods)) < len(self.periods):
            twice = next(label for label in self.periods if self.periods.count(label) > 1)
            raise GameError(f"duplicate period {twice!r}")
        if not is_kind(kind):
            raise GameError(f'kind must be "gain" or "cost", got {kind!r}')
        self.kind: Kind = kind
        self._function = function
        self._known: dict[bytes, Array] = {}

    @classmethod
    def from_games(cls, games: Mapping[Hashable, Game]) -> PeriodGame:
        """Return the sum of games of the same players, one for each period by its label.

        Raises
        ------
        GameError
            There is no game, or two differ in players or kind.
        """
        if not isinstance(games, Mapping):
            raise GameError(f"games must be a mapping from period to game, got {named(games)}")
        parts = list(games.values())
        for label, part in games.items():
            if not isinstance(part, Game):
                raise GameError(f"the game of period {label!r} is {named(part)}")
        for label, part in games.items():
            if part.players != parts[0].players or part.kind != parts[0].kind:
                raise GameError(
                    f"the game of period {label!r} is {part!r}, but that of the first is "
                    f"{parts[0]!r}; all need the same players and kind"
                )
        if not parts:
            raise GameError("periods must not be empty")

        return cls(parts[0].players, _SideBySide(tuple(parts)), games, kind=parts[0].kind)

    def _parts(self) -> dict[str, Any]:
        return {**super()._parts(), "function": self._function}

    def __copy__(self) -> PeriodGame:
        twin = type(self).__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> PeriodGame:
        return copy.copy(self)

    def __getstate__(self) -> dict[str, Any]:
        remedy = "make it of games that travel (PeriodGame.from_games)"
        return {**vars(self), "_function": portable(self._function, remedy), "_known": {}}

    def values(self, membership: NDArray[np.bool_]) -> Array:
        """Return the values of coalitions by period, shape (m, P); nothing is evaluated twice.

        Raises
        ------
        GameError
            The function gave something of a wrong shape, or a value that is not finite; coalition
            and period are named.
        """
        keys = keys_of_membership(membership)
        new = {key: row for row, key in enumerate(keys) if key not in self._known}
        rows = membership[list(new.values())]
        if len(rows):
            found = np.array(self._function(rows), dtype=np.float64)
            shape = (len(rows), len(self.periods))
            if found.shape != shape:
                raise GameError(
                    f"the function returned values of shape {found.shape}; for {shape[0]} "
                    f"coalitions and {shape[1]} periods it must return {shape}"
                )
            found[~rows.any(axis=1)] = 0.0
            wrong = np.flatnonzero(~np.isfinite(found.ravel()))
            if len(wrong):
                row, period = divmod(int(wrong[0]), len(self.periods))
                name = format_coalition(self.players.ordered_labels(rows[row]))
                raise GameError(
                    f"the value of {name} in period {self.periods[period]!r} is "
                    f"{found[row, period]}, not a finite number"
                )
            self._known.update(zip(new, found, strict=True))
        return np.array([self._known[key] for key in keys]).reshape(len(keys), len(self.periods))

    def total(self) -> Game:
        """Return the game of the sums over all periods."""
        return Game.from_function(self.players, self._totals, kind=self.kind, batched=True)

    def _totals(self, membership: NDArray[np.bool_]) -> Array:
        totals: Array = self.values(membership).sum(axis=1)
        return totals


@dataclasses.dataclass(frozen=True)
class _SideBySide:
    """The values of one game for each period."""

    games: tuple[Game, ...]

    def __call__(self, membership: NDArray[np.bool_]) -> Array:
        return np.stack([game.values(membership, progress=False) for game in self.games], axis=1)


@dataclasses.dataclass(frozen=True, eq=False)
class PeriodShares(ByValue):
    """Who gets what in which period.

    Attributes
    ----------
    periods : tuple of hashable
        The P periods.
    values : ndarray of shape (n, P)
        Each player's value in each period. The columns sum to the value of all in that period.
    standard_errors : ndarray of shape (n, P)
        Of each; zero where exact.
    allocation : Allocation
        The sums over the periods, with :class:`SampledShapley` as evidence.
    """

    periods: tuple[Hashable, ...]
    values: Array
    standard_errors: Array
    allocation: Allocation

    def to_pandas(self) -> pd.DataFrame:
        """Return one row for each player and one column for each period (extra ``pandas``)."""
        with needs("pandas", "frames need pandas"):
            import pandas as pd

        return pd.DataFrame(
            self.values, index=list(self.allocation.players), columns=list(self.periods)
        )


@checked_arguments
def shapley_by_period(
    game: PeriodGame,
    *,
    seed: int = 0,
    max_evaluations: int | None = None,
    confidence: float = 0.95,
    progress: bool = True,
) -> PeriodShares:
    r"""Return the Shapley value of each period, from one sample for all.

    .. math:: \phi_i = \sum_t \phi_{it}, \qquad \sum_i \phi_{it} = v_t(N)

    The Shapley value is additive, so a settlement by period adds up to the one of the whole; and a
    coalition that is evaluated informs all periods.

    Parameters
    ----------
    game : PeriodGame
        The sum of one game for each period.
    seed : int, default 0
        Determines the orders.
    max_evaluations : int, optional
        Coalitions that are evaluated; by default 10,000, or 40 for each player if that is more.
        All coalitions, and so the exact value, where there are no more.
    confidence : float, default 0.95
        Of the intervals of the sums.
    progress : bool, default True
        As in :func:`sesgame.shapley_estimate`.

    Returns
    -------
    PeriodShares

    Raises
    ------
    GameError
        An option is out of its range, or the budget is not enough for one order of the players.
    GameError
        As in :meth:`PeriodGame.values`.

    Notes
    -----
    Orders with their reverses, spread over the positions, as in
    :class:`sesgame.estimators.Permutations`; Student intervals over independent batches. Memory
    for n P numbers, and for the values of the coalitions asked for.

    References
    ----------
    Castro, Gomez and Tejada (2009) for the orders [castro2009]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> days = {"mon": sg.games.airport([2, 4]), "tue": sg.games.airport([6, 4])}
    >>> shares = sg.shapley_by_period(sg.PeriodGame.from_games(days))
    >>> shares.values.tolist(), shares.allocation.values.tolist()
    ([[1.0, 4.0], [3.0, 2.0]], [5.0, 5.0])
    """
    if not 0 < confidence < 1:
        raise GameError(f"confidence must be between 0 and 1, got {confidence}")
    if max_evaluations is not None and not max_evaluations >= 1:
        raise GameError(f"max_evaluations must be at least 1, got {max_evaluations}")
    n = len(game.players)
    budget = max_evaluations or max(DEFAULT_EVALUATIONS, 40 * n)
    if n <= MAX_TABLE_PLAYERS and budget >= 2**n - 1:
        return _exact_shares(game, seed, confidence)
    return _sampled_shares(game, seed, budget, confidence, progress)


def _exact_shares(game: PeriodGame, seed: int, confidence: float) -> PeriodShares:
    """Return the Shapley value of each period from all coalitions."""
    n = len(game.players)
    masks = np.arange(1 << n)[:, np.newaxis] >> np.arange(n) & 1
    table = np.ascontiguousarray(game.values(masks.astype(np.bool_)).T)
    values = np.stack([shapley_value(column) for column in table], axis=1)
    evidence = SampledShapley(
        standard_errors=np.zeros(n),
        half_widths=np.zeros(n),
        confidence=confidence,
        simultaneous=False,
        evaluations=2**n - 1,
        converged=True,
        estimator="exact",
        reason="all coalitions are within the budget",
        parameters={},
        seed=seed,
        trace=(TracePoint(2**n - 1, 0.0, 0.0, values.sum(axis=1)),),
    )
    return _shares(game, values, np.zeros(values.shape), SHAPLEY, evidence)


def _sampled_shares(
    game: PeriodGame, seed: int, budget: int, confidence: float, progress: bool
) -> PeriodShares:
    """Return the Shapley value of each period from random orders."""
    n = len(game.players)
    sampling = _PeriodSampling(game, seed, budget, progress)
    sampling.extend(budget)
    everything = sampling.estimate()
    # The last column is the sum over the periods.
    values = everything.values.reshape(n, -1)[:, :-1]
    errors = root_mean_square_errors(everything.standard_errors, everything.unseen).reshape(n, -1)
    widths = half_widths(everything, confidence).reshape(n, -1)[:, -1]
    widest = float(widths.max())
    evidence = SampledShapley(
        standard_errors=errors[:, -1],
        half_widths=widths,
        confidence=confidence,
        simultaneous=False,
        evaluations=sampling.evaluations,
        converged=True,
        estimator=Permutations.name,
        reason="linear in every period",
        parameters=sampling.parameters,
        seed=seed,
        trace=(TracePoint(sampling.evaluations, 0.0, widest, values.sum(axis=1)),),
    )
    return _shares(game, values, errors[:, :-1], SHAPLEY_ESTIMATE, evidence)


def _shares(
    game: PeriodGame, values: Array, errors: Array, rule: Rule, evidence: SampledShapley
) -> PeriodShares:
    allocation = Allocation(
        game.players,
        values.sum(axis=1),
        kind=game.kind,
        method=rule.title,
        tolerance=float(evidence.half_widths.max()),
        evidence=evidence,
    )
    return PeriodShares(game.periods, values, errors, rule.made(allocation))


class _PeriodSampling(PermutationSampling):
    """Orders whose marginal contributions are kept for each period, and for their sum."""

    def __init__(self, game: PeriodGame, seed: int, budget: int, progress: bool) -> None:
        valuation = Valuation(game.total(), executor=None, store=None, progress=progress)
        super().__init__(valuation, seed, budget, Permutations())
        self._game = game
        (grand,) = game.values(np.ones((1, self._n_players), dtype=np.bool_))
        self._grand = np.append(grand, grand.sum())
        self._moments = BatchMoments(self._n_players, len(game.periods) + 1)
        self._scale = self._largest = np.zeros(len(game.periods) + 1)

    def _black_box_means(self, count: int) -> Array:
        ranks, membership = self._walks(count)
        values = self._game.values(membership)
        values = np.column_stack([values, values.sum(axis=1)])
        means, marginals = zip(
            *(
                self._means(ranks, column, float(grand), count)
                for column, grand in zip(values.T, self._grand, strict=True)
            ),
            strict=True,
        )
        scale = np.abs(np.vstack([values, self._grand])).max(axis=0)
        self._scale = np.maximum(self._scale, scale)
        self._largest = np.maximum(self._largest, marginals)
        return np.stack(means, axis=2).reshape(count, -1)
