"""Regression adjustment: gradient-boosted trees explain what they can, pairs estimate the rest.

Needs scikit-learn (extra ``surrogate``).
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import comb, hypot
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from sesgame._engine import PairedEstimate
from sesgame.errors import GameError
from sesgame.estimators.estimator import Estimate
from sesgame.estimators.pair_sampling import DEGREES, too_few
from sesgame.game.door import checked_fields
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.estimators.valuation import Valuation

    Array = NDArray[np.float64]
    Members = NDArray[np.bool_]

__all__ = ["BoostedTrees", "Trees", "worth"]

DIGITS = 9
"""Of what the trees are fitted to, in parts of the largest value: more than they resolve, and so
few that neither the unit nor rounding decides between splits that are equally good.
"""

OTHER_STREAM = 0x9E37_79B9_7F4A_7C15
"""Makes another seed of a seed, far from its neighbours."""


@checked_fields
@dataclass(frozen=True)
class BoostedTrees:
    """Trees fitted to half of the pairs, whose errors on the other half are estimated, and back.

    The trees learn what a regression of the same half leaves over, and what both leave over of the
    other half is estimated in two stages. The Shapley value of a tree is a closed form. For games
    in which a few players decide who counts, such as a maximum (airport); slow for thousands of
    players. Intervals from the two halves' jackknifes, none from fewer than 10/9 pairs in each half
    for each player.

    Parameters
    ----------
    n_trees : int, default 200
        How many.
    learning_rate : float, default 0.1
        The share of each.
    """

    n_trees: int = 200
    learning_rate: float = 0.1

    name: ClassVar[str] = "boosted_trees"
    semivalues: ClassVar[str] = "Shapley"
    max_evaluations: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        if self.n_trees < 1:
            raise GameError(f"n_trees must be at least 1, got {self.n_trees}")
        if not 0 < self.learning_rate <= 1:
            raise GameError(f"learning_rate must be in (0, 1], got {self.learning_rate}")

    def sampling(
        self, valuation: Valuation, probabilities: Array, seed: int, budget: int
    ) -> BoostedTreesSampling:
        """Begin to sample; see :class:`Estimator`."""
        return BoostedTreesSampling(valuation, probabilities, seed, self)


class _Half(NamedTuple):
    """A stream of pairs: how many were drawn at a time, and what they are worth."""

    seed: int
    counts: list[int]
    smaller: list[Members]
    values: list[Array]
    others: list[Array]


class BoostedTreesSampling:
    """Two independent streams of pairs, each the trees' teacher once and their examiner once."""

    step = 4

    def __init__(
        self, valuation: Valuation, probabilities: Array, seed: int, options: BoostedTrees
    ) -> None:
        with needs("surrogate", "boosted trees need scikit-learn"):
            import sklearn.ensemble  # noqa: F401 # before anything is evaluated
        self._valuation = valuation
        self._probabilities = probabilities
        self._options = options
        self._halves = [_Half(stream, [], [], [], []) for stream in (seed, seed ^ OTHER_STREAM)]
        self._seed = seed
        self.evaluations = 1

    @property
    def parameters(self) -> dict[str, Any]:
        """What characterises the estimate, for the record."""
        return {"pairs": (self.evaluations - 1) // 2, "trees": self._options.n_trees}

    def _fresh(self, half: _Half) -> PairedEstimate:
        return PairedEstimate(self._probabilities, "two_stage", "spread", half.seed)

    def extend(self, evaluations: int) -> bool:
        """Evaluate further pairs in both halves; see :class:`Sampling`."""
        before = self.evaluations
        for left, half in zip((2, 1), self._halves, strict=True):
            pairs = (evaluations - self.evaluations) // (2 * left)
            if pairs <= 0:
                continue
            engine = self._fresh(half)
            grand, scale = self._valuation.grand, self._valuation.scale
            for count in half.counts:
                engine.record(np.zeros(len(engine.draw(count, grand, scale))))
            smaller = engine.draw(pairs, grand, scale)
            values, others = self._valuation(smaller), self._valuation(~smaller)
            half.counts.append(pairs)
            half.smaller.append(smaller)
            half.values.append(values)
            half.others.append(others)
            self.evaluations += 2 * len(smaller)
        return self.evaluations > before

    def estimate(self) -> Estimate:
        """Return the mean of both halves' adjusted estimates; see :class:`Sampling`."""
        one, two = self._halves
        estimates = [self._adjusted(one, two), self._adjusted(two, one)]
        values = np.mean([values for values, _, _ in estimates], axis=0)
        errors = np.hypot(*(errors for _, errors, _ in estimates)) / 2
        unseen = hypot(*(unseen for _, _, unseen in estimates)) / 2
        if any(too_few(sum(half.counts), len(errors)) for half in self._halves):
            errors = np.full(len(errors), np.inf)
        return Estimate(np.asarray(values), errors, DEGREES, np.full(len(errors), unseen))

    def _adjusted(self, teacher: _Half, examiner: _Half) -> tuple[Array, Array, float]:
        """Return values, errors and what is unseen, of a surrogate plus what it leaves over."""
        grand = self._valuation.grand
        additive, _, _ = self._estimate(teacher, "regression", grand)
        trees = Trees(
            np.concatenate(teacher.smaller),
            np.concatenate(teacher.values),
            np.concatenate(teacher.others),
            additive,
            self._options,
            self._seed,
        )
        everybody = np.ones((1, self._valuation.n_players), dtype=np.bool_)
        rest = grand - trees.odd_part(everybody)[0] - additive.sum()
        values, errors, unseen = self._estimate(examiner, "two_stage", rest, trees, additive)
        return additive + trees.shapley_value() + values, errors, unseen

    def _estimate(
        self,
        half: _Half,
        method: str,
        grand: float,
        trees: Trees | None = None,
        additive: Array | None = None,
    ) -> tuple[Array, Array, float]:
        """Return values, errors and what is unseen, of what a surrogate leaves over on one half."""
        engine = PairedEstimate(self._probabilities, method, "spread", half.seed)
        for count, smaller, values, others in zip(
            half.counts, half.smaller, half.values, half.others, strict=True
        ):
            odd = values - others
            if trees is not None and additive is not None:
                odd = (
                    odd
                    - trees.odd_part(smaller)
                    - worth(smaller, additive)
                    + worth(~smaller, additive)
                )
            engine.draw(count, grand, self._valuation.scale)
            engine.record(odd)
        taken_off = 0.0 if additive is None else float(np.abs(additive).max())
        estimated, errors, unseen, _ = engine.estimate(grand, self._valuation.scale, taken_off)
        return estimated, errors, unseen


def worth(membership: NDArray[Any], additive: Array) -> Array:
    """Return the value of each row in an additive game, the same bits for any number of threads."""
    return np.asarray(np.einsum("ij,j->i", membership, additive))


class Trees:
    """Boosted trees, fitted to what an additive game leaves over of coalitions and complements.

    Parameters
    ----------
    smaller : ndarray of bool, shape (m, n)
        The coalitions.
    values, others : ndarray of float, shape (m,)
        What they and their complements are worth.
    additive : ndarray of float, shape (n,)
        The additive game.
    options : BoostedTrees
        How many trees, and how fast they learn.
    seed : int
        Of the trees.
    """

    def __init__(
        self,
        smaller: Members,
        values: Array,
        others: Array,
        additive: Array,
        options: BoostedTrees,
        seed: int,
    ) -> None:
        from sklearn.ensemble import HistGradientBoostingRegressor

        coalitions = np.concatenate([smaller, ~smaller]).astype(np.float32)
        self._model = HistGradientBoostingRegressor(
            max_iter=options.n_trees,
            learning_rate=options.learning_rate,
            early_stopping=False,
            random_state=seed % 2**32,
        )
        both = np.concatenate([values, others])
        left_over = both - worth(coalitions, additive)
        self._unit = float(np.abs(both).max()) or 1.0  # of a game that is 0, any
        with self._one_thread():
            self._model.fit(coalitions, np.round(left_over / self._unit, DIGITS))
        self._n_players = smaller.shape[1]

    def odd_part(self, membership: Members) -> Array:
        """Return the value of each row minus that of the others."""
        with self._one_thread():
            own, others = (
                self._model.predict(rows.astype(np.float32)) for rows in (membership, ~membership)
            )
        return np.asarray(own - others) * self._unit

    def _one_thread(self) -> AbstractContextManager[Any]:
        """Keep OpenMP to one thread: waiting ones cost more than they bring on a busy machine."""
        from threadpoolctl import threadpool_limits

        limits: AbstractContextManager[Any] = threadpool_limits(1)
        return limits

    def shapley_value(self) -> Array:
        """Return the sum over all leaves of the value of the game "the coalition ends here".

        It is worth 1 for coalitions with all of a players and none of b others. Each of the first
        has the Shapley value (a-1)! b! / (a+b)!, each of the others -a! (b-1)! / (a+b)!.
        """
        values = np.zeros(self._n_players)
        # The trees have no public form; this is what packages that explain them read, too.
        for (tree,) in self._model._predictors:
            paths: list[tuple[int, list[int], list[int]]] = [(0, [], [])]
            while paths:
                index, inside, outside = paths.pop()
                node = tree.nodes[index]
                if not node["is_leaf"]:
                    player = int(node["feature_idx"])
                    paths.append((int(node["left"]), inside, [*outside, player]))
                    paths.append((int(node["right"]), [*inside, player], outside))
                    continue
                a, b = len(inside), len(outside)
                if a:
                    values[inside] += node["value"] / (a * comb(a + b, a))
                if b:
                    values[outside] -= node["value"] / (b * comb(a + b, b))
        return values * self._unit
