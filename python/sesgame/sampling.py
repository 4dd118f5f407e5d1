"""The two ways of sampling a Shapley value: random orders and pairs of coalitions.

The engine draws, the game evaluates, the engine estimates; here is what goes back and forth. Both
ways can be extended at any time, and what they give depends on the seed and on the steps alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sesgame import _engine
from sesgame.errors import GameError
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.blocks import Executor
    from sesgame.game import Game
    from sesgame.store import StorePath

    Array = NDArray[np.float64]

__all__ = ["PairSampling", "PermutationSampling", "Sampling", "Valuation"]

CELLS = 1 << 25
"""Entries of a membership array in one request to the game: 32 MiB."""

NATIVE_CELLS = 1 << 20
"""Batch means that the engine hands over at once."""

MAX_ORDERS = 8
"""Orders of a batch: more of them spread the players better and leave fewer batches to compare."""

MIN_BATCHES = 20
"""Batches that should come together before they get more than one order each."""


class Valuation:
    """Evaluates coalitions of a game, or of its difference from another one.

    Parameters
    ----------
    game : Game
        The game v.
    control : Game, optional
        A game f of the same players; values are then v(S) - f(S).
    executor, store, progress
        How `game` is evaluated, as in :meth:`sesgame.Game.values`.
    """

    def __init__(
        self,
        game: Game,
        control: Game | None = None,
        *,
        executor: Executor | None,
        store: StorePath | None,
        progress: bool,
    ) -> None:
        self.n_players = game.n_players
        self.native = game.native if control is None else None
        self.progress = progress
        self._game = game
        self._control = control
        self._executor = executor
        self._store = store
        self.grand = float(self(np.ones((1, game.n_players), dtype=np.bool_))[0])

    def __call__(self, membership: NDArray[np.bool_]) -> Array:
        """Return the value of each row, in requests of bounded size."""
        rows = max(1, CELLS // self.n_players)
        starts = range(0, max(len(membership), 1), rows)
        return np.concatenate([self._values(membership[at : at + rows]) for at in starts])

    def _values(self, membership: NDArray[np.bool_]) -> Array:
        values = self._game.values(
            membership, executor=self._executor, store=self._store, progress=self.progress
        )
        if self._control is not None:
            values = values - self._control.values(membership, progress=self.progress)
        return values


class Sampling(Protocol):
    """An estimate that grows with the number of evaluations."""

    evaluations: int
    step: int
    """The least number of evaluations by which it grows."""

    @property
    def parameters(self) -> dict[str, Any]:
        """What characterises the estimator, for the record."""
        ...

    def extend(self, evaluations: int) -> bool:
        """Go on up to about a total number of evaluations; tell whether anything was added."""
        ...

    def estimate(self) -> tuple[Array, Array, int]:
        """Return values, standard errors, and the degrees of freedom of these."""
        ...


class PermutationSampling:
    """Marginal contributions along random orders; see the engine's module ``permutations``.

    Parameters
    ----------
    valuation : Valuation
        The game.
    seed : int
        Determines all orders.
    budget : int
        The number of evaluations that is planned, which decides how many orders make a batch.

    Raises
    ------
    ValueError
        The budget is not enough for one order.
    """

    def __init__(self, valuation: Valuation, seed: int, budget: int) -> None:
        self._valuation = valuation
        self._n_players = valuation.n_players
        self._seed = seed
        walk = max(self._n_players - 1, 1)  # the grand coalition is known
        if budget < walk + 1:
            raise ValueError(
                f"max_evaluations is {budget}; one order of {self._n_players} players takes "
                f"{walk + 1} evaluations"
            )
        # Two batches are the least that can be compared.
        self._antithetic = budget > 4 * walk
        self._orders = min(MAX_ORDERS, max(1, (budget - 1) // (2 * walk * MIN_BATCHES)))
        self.step = self._orders * walk * (2 if self._antithetic else 1)
        self._native = valuation.native if self._antithetic else None
        self._batches = 0
        self._mean = np.zeros(self._n_players)
        self._squares = np.zeros(self._n_players)
        self.evaluations = 1

    @property
    def parameters(self) -> dict[str, Any]:
        """What characterises the estimator, for the record."""
        return {
            "orders": self._batches * self._orders * (2 if self._antithetic else 1),
            "batches": self._batches,
            "antithetic": self._antithetic,
            "latin_hypercube": self._orders,
        }

    def extend(self, evaluations: int) -> bool:
        """Walk along further orders; see :class:`Sampling`."""
        before = self._batches
        wanted = max(1, (evaluations - 1) // self.step)
        while self._batches < wanted:
            count = wanted - self._batches
            if self._native is not None:
                means = self._native_means(min(count, max(1, NATIVE_CELLS // self._n_players)))
            else:
                per_request = CELLS // (self.step * self._n_players)
                means = self._black_box_means(min(count, max(1, per_request)))
            self._merge(means)
        self.evaluations = 1 + self._batches * self.step
        return self._batches > before

    def _native_means(self, count: int) -> Array:
        assert self._native is not None
        with progress_report("marginals", "", self._valuation.progress) as report:
            try:
                return _engine.permutation_means(
                    self._native, self._orders, self._seed, self._batches, count, report
                )
            except ValueError as error:
                raise GameError(str(error)) from None

    def _black_box_means(self, count: int) -> Array:
        orders = np.concatenate(
            [
                _engine.permutation_orders(self._n_players, self._orders, self._seed, batch)
                for batch in range(self._batches, self._batches + count)
            ]
        )
        if self._antithetic:
            orders = np.stack([orders, orders[:, ::-1]], axis=1).reshape(-1, self._n_players)
        ranks = np.argsort(orders, axis=1)
        positions = np.arange(1, self._n_players)
        membership = ranks[:, np.newaxis, :] < positions[:, np.newaxis]
        along = np.zeros((len(orders), self._n_players + 1))
        along[:, -1] = self._valuation.grand
        values = self._valuation(membership.reshape(-1, self._n_players))
        along[:, 1:-1] = values.reshape(len(orders), -1)
        marginals = np.take_along_axis(np.diff(along, axis=1), ranks, axis=1)
        return np.asarray(marginals.reshape(count, -1, self._n_players).mean(axis=1))

    def _merge(self, means: Array) -> None:
        """Add a block of batches to the running mean and sum of squares (Chan et al.)."""
        count, mean = len(means), means.mean(axis=0)
        total = self._batches + count
        shift = mean - self._mean
        self._squares += ((means - mean) ** 2).sum(axis=0)
        self._squares += shift**2 * (self._batches * count / total)
        self._mean = self._mean + shift * (count / total)
        self._batches = total

    def estimate(self) -> tuple[Array, Array, int]:
        """Return mean and standard error over the batches; see :class:`Sampling`."""
        degrees = self._batches - 1
        if degrees == 0:
            return self._mean.copy(), np.full(self._n_players, np.inf), 1
        return self._mean.copy(), np.sqrt(self._squares / degrees / self._batches), degrees


class PairSampling:
    """Pairs of complementary coalitions in two stages; see the engine's ``paired_estimate``.

    Parameters
    ----------
    valuation : Valuation
        The game, of at least two players.
    seed : int
        Determines all pairs.
    """

    step = 2

    PILOT = 0.25
    """Share of the first step that looks at all sizes alike."""

    DEGREES = 9
    """The standard errors come from a jackknife over ten groups."""

    def __init__(self, valuation: Valuation, seed: int) -> None:
        self._valuation = valuation
        self._engine = _engine.PairedEstimate(valuation.n_players, seed)
        self._order = 1
        self.evaluations = 1

    @property
    def parameters(self) -> dict[str, Any]:
        """What characterises the estimator, for the record."""
        return {"pairs": (self.evaluations - 1) // 2, "weights_per_player": self._order}

    def extend(self, evaluations: int) -> bool:
        """Evaluate further pairs; see :class:`Sampling`."""
        before = self.evaluations
        if before == 1:
            self._evaluate(max(1, int(self.PILOT * (evaluations - 1)) // 2))
        self._evaluate((evaluations - self.evaluations) // 2)
        return self.evaluations > before

    def _evaluate(self, pairs: int) -> None:
        if pairs <= 0:
            return
        smaller = self._engine.draw(pairs, self._valuation.grand)
        self._engine.record(self._valuation(smaller) - self._valuation(~smaller))
        self.evaluations += 2 * len(smaller)

    def estimate(self) -> tuple[Array, Array, int]:
        """Return the corrected surrogate's value and its jackknife; see :class:`Sampling`."""
        values, errors, self._order = self._engine.estimate(self._valuation.grand)
        return values, errors, self.DEGREES
