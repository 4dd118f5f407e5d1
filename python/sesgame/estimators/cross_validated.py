r"""The choice of ``"auto"``: estimators and control variates compared by cross-validation.

Every candidate predicts the odd part o(S), the value of S less that of the others, from the same
evaluated pairs. What it errs by on pairs that it was not fitted to is what its estimate leaves to
chance, so that

.. math:: e^2 = \sum_s \frac{\sigma_s^2 (1 - f_s)}{m_s \, s (n - s)}
          + \Bigl( \sum_k |b_k| \, \epsilon_k \Bigr)^2

is about the variance of a player's value: :math:`\sigma_s` is the root mean square of what is left
of the :math:`m_s` pairs of size s, a share :math:`f_s` of all, and :math:`b_k` the coefficient of
the control variate k, whose own value errs by :math:`\epsilon_k`. The choice depends on the
evaluated values and the seed, never on the clock. Of candidates that are about as good, the first
is taken: the simplest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from math import inf, sqrt
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from sesgame._engine import PairedEstimate
from sesgame.errors import MissingExtraError
from sesgame.estimators.boosted_trees import BoostedTrees, Trees, worth
from sesgame.estimators.estimator import Estimate
from sesgame.estimators.pair_sampling import DEGREES, too_few
from sesgame.estimators.two_stage import TwoStage
from sesgame.estimators.valuation import Valuation
from sesgame.game.by_value import ByValue
from sesgame.optional_imports import needs
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Members = NDArray[np.bool_]

__all__ = ["Candidate", "ControlVariate", "CrossValidated", "CrossValidatedSampling"]

KERNEL_PAIRS = 600
"""Kernel ridge regression is tried up to so many pairs: its time grows with the cube of them."""

TREE_CELLS = 8_000
"""Boosted trees are tried up to so many pairs times players: beyond, they take seconds."""

LINEAR_CELLS = 1 << 20
"""Beyond so many pairs times players, cross-validation would take as long as the sample."""

ABOUT_AS_GOOD = 1.05
"""Expected errors within 5 % are about equal: their own errors from some hundred pairs are."""

HOPELESS = 1.5
"""Trees whose residuals on half of the pairs are so many times the best are not fitted again."""

RESOLUTION = 1e-9
"""Expected errors below this part of the largest value are equal: nobody tells them from 0."""

LEVERAGE = 1 - 1e-9
"""A pair that decides a coefficient by itself predicts nothing: 1 but for rounding."""

LINEAR = {"pairs": "two_stage", "regression": "regression"}
"""The engine's names of the methods that are linear in the values, the simplest first."""


class ControlVariate(NamedTuple):
    """A cheap game whose value is known, with the standard errors of it and how it came about."""

    name: str
    valuation: Valuation
    values: Array
    errors: Array
    method: str
    evaluations: int


@dataclass(frozen=True, eq=False)
class Candidate(ByValue):
    """An estimator that was compared, with the control variates that it takes off.

    Attributes
    ----------
    method : str
        What ``method=`` calls it.
    coefficients : dict of str to float
        Of the control variates, by name.
    residual : float
        The root mean square of what it erred by on held-out pairs, in the unit of the game.
    expected_error : float
        About the standard error of a player's value that follows, in the unit of the game.
    """

    method: str
    coefficients: dict[str, float]
    residual: float
    expected_error: float

    def __str__(self) -> str:
        taken = [
            name if coefficient == 1 else f"{coefficient:.3g} times {name}"
            for name, coefficient in self.coefficients.items()
        ]
        return f"{self.method} less {' and '.join(taken)}" if taken else self.method


@dataclass(frozen=True)
class CrossValidated:
    """Pairs of complementary coalitions, and of them what errs least on held-out ones.

    Drawn in two stages as by :class:`TwoStage`. Candidates are its surrogate with the correction,
    paired regression, kernel ridge regression and boosted trees; each without control variates,
    with one of them as it is, and with one or several at the coefficients that explain most.
    """

    name: ClassVar[str] = "auto"
    semivalues: ClassVar[str] = "symmetric"
    max_evaluations: ClassVar[int | None] = None

    def sampling(
        self, valuation: Valuation, probabilities: Array, seed: int, budget: int
    ) -> CrossValidatedSampling:
        """Begin to sample; see :class:`Estimator`."""
        return CrossValidatedSampling(valuation, probabilities, seed)


class _Pairs(NamedTuple):
    """Pairs: how large the smaller coalitions are, and the odd parts.

    `odd` is of the game and each control variate, shape (1 + k, m); `smaller`, the coalitions, are
    kept only as long as there are so few that trees are tried.
    """

    sizes: NDArray[np.intp]
    odd: Array
    smaller: Members | None


class CrossValidatedSampling:
    """Pairs that all candidates share.

    Parameters
    ----------
    valuation : Valuation
        The game, of at least two players.
    probabilities : ndarray of float, shape (n,)
        Of the sizes of the coalitions that a player joins, the same from both ends.
    seed : int
        Determines all pairs.
    controls : sequence of ControlVariate, optional
        Of the same players.
    hurried : bool, default False
        Whether candidates whose fits take long are left out.
    """

    step = 2

    def __init__(
        self,
        valuation: Valuation,
        probabilities: Array,
        seed: int,
        controls: Sequence[ControlVariate] = (),
        *,
        hurried: bool = False,
    ) -> None:
        self._valuation = valuation
        self._hurried = hurried
        self._controls = controls
        self._all = (valuation, *(control.valuation for control in controls))
        self._seed = seed
        self._is_shapley = bool(np.ptp(probabilities) == 0)
        self._engine = PairedEstimate(probabilities, "two_stage", "adaptive", seed)
        self._drawn: list[_Pairs] = []
        self._weights = np.zeros(len(controls))  # of the control variates, while sizes are chosen
        self._fit: dict[str, Any] = {}
        self.candidates: tuple[Candidate, ...] = ()
        self.untried: dict[str, str] = {}
        self.evaluations = 1

    @property
    def choice(self) -> Candidate:
        """What was chosen for the last estimate."""
        best = min(candidate.expected_error for candidate in self.candidates)
        enough = max(ABOUT_AS_GOOD * best, RESOLUTION * self._scale)
        return next(found for found in self.candidates if found.expected_error <= enough)

    @property
    def reason(self) -> str:
        """Why, in words."""
        choice, n_pairs = self.choice, (self.evaluations - 1) // 2
        others = [found for found in self.candidates if found.method != choice.method]
        alone = [found for found in self.candidates if not found.coefficients]
        compared = []
        if choice.coefficients:
            compared.append(min(alone, key=_expected))
        if others:
            compared.append(min(others, key=_expected))
        against = "".join(f", {found} by {found.residual:.3g}" for found in compared)
        return (
            f"every pair of coalitions informs every player, and in cross-validation on "
            f"{n_pairs:,} pairs {choice} errs by {choice.residual:.3g}{against}"
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """What characterises the estimate, for the record."""
        return {
            "pairs": (self.evaluations - 1) // 2,
            **self._fit,
            "coefficients": self.choice.coefficients,
            "control_variate": ", ".join(own.method for own in self._controls) or None,
            "cheap_evaluations": sum(
                control.evaluations + self.evaluations for control in self._controls
            ),
            "untried": self.untried,
        }

    @property
    def _scale(self) -> float:
        return max(valuation.scale for valuation in self._all)

    @property
    def _grand(self) -> Array:
        return np.array([valuation.grand for valuation in self._all])

    def extend(self, evaluations: int) -> bool:
        """Evaluate further pairs; see :class:`Sampling`."""
        before = self.evaluations
        if before == 1:
            self._evaluate(max(1, int(TwoStage().pilot * (evaluations - 1)) // 2))
        pairs = (evaluations - self.evaluations) // 2
        if pairs > 0:
            if self._controls:
                self._steer()
            self._evaluate(pairs)
        return self.evaluations > before

    def _steer(self) -> None:
        """Let the sizes of further pairs go by what the best control variates leave over."""
        known = self._known()
        best = min(self._linear("pairs", known), key=_expected)
        self._weights = self._vector(best)
        odd, _ = self._left(known, self._weights)
        self._engine = self._engine.revalued("two_stage", odd)

    def _evaluate(self, pairs: int) -> None:
        """Evaluate further pairs in all games."""
        smaller = self._engine.draw(pairs, float(self._grand @ self._signs), self._scale)
        odd = np.stack([game.odd_part(smaller) for game in self._all])
        self.evaluations += 2 * len(smaller)
        few = self.evaluations // 2 * self._valuation.n_players <= TREE_CELLS
        drawn = _Pairs(smaller.sum(axis=1), odd, smaller if few else None)
        self._drawn.append(drawn)
        self._engine.record(self._left(drawn, self._weights)[0])

    @property
    def _signs(self) -> Array:
        return np.array([1.0, *-self._weights])

    def _known(self) -> _Pairs:
        """Return all pairs in the order of the engine: by size, and then as they were drawn."""
        sizes = np.concatenate([drawn.sizes for drawn in self._drawn])
        order = np.argsort(sizes, kind="stable")
        odd = np.concatenate([drawn.odd for drawn in self._drawn], axis=1)
        kept = [drawn.smaller for drawn in self._drawn if drawn.smaller is not None]
        smaller = np.concatenate(kept)[order] if len(kept) == len(self._drawn) else None
        return _Pairs(sizes[order], np.ascontiguousarray(odd[:, order]), smaller)

    def _left(self, known: _Pairs, weights: Array) -> tuple[Array, float]:
        """Return what weighted control variates leave of the odd parts, and of v(N)."""
        odd, grand = known.odd[0].copy(), self._grand
        for control, weight in enumerate(weights, start=1):
            if weight:
                odd -= weight * known.odd[control]
        return odd, float(grand[0] - (weights * grand[1:]).sum())

    def _vector(self, candidate: Candidate) -> Array:
        """Return the coefficients of all control variates."""
        return np.array([candidate.coefficients.get(own.name, 0.0) for own in self._controls])

    def estimate(self) -> Estimate:
        """Return the estimate of the candidate that is expected to err least."""
        known = self._known()
        methods = list(LINEAR) if self._is_shapley else ["pairs"]
        self.untried = dict(_ORDERS)
        if len(known.sizes) * self._valuation.n_players > LINEAR_CELLS:
            why = f"more than {LINEAR_CELLS:,} pairs times players"
            self.untried |= dict.fromkeys(methods[1:], why)
            methods = methods[:1]
        candidates = [found for method in methods for found in self._linear(method, known)]
        leading = min(candidates, key=_expected)
        weights = self._vector(leading)
        left = self._left(known, weights)
        makers: dict[str, Callable[[], Estimate]] = {}
        for method, attempt in (("kernel_ridge", self._ridge), ("boosted_trees", self._trees)):
            tried = attempt(known, *left, leading.residual)
            if isinstance(tried, str):
                self.untried[method] = tried
                continue
            residuals, makers[method] = tried
            candidates.append(self._candidate(method, weights, residuals))
        self.candidates = tuple(candidates)
        choice = self.choice
        weights = self._vector(choice)
        make = makers.get(choice.method, partial(self._fitted, choice, known))
        values, errors, degrees, unseen = make()
        for control, weight in zip(self._controls, weights, strict=True):
            values = values + weight * control.values
        if too_few(len(known.sizes), len(values)):
            errors = np.full(len(values), inf)
        return Estimate(values, np.hypot(errors, self._known_errors(weights)), degrees, unseen)

    def _known_errors(self, weights: Array) -> Array:
        """Return at most the standard errors of the weighted values of the control variates."""
        errors = np.zeros(self._valuation.n_players)
        for control, weight in zip(self._controls, weights, strict=True):
            errors = errors + abs(weight) * control.errors
        return errors

    def _taken_off(self, weights: Array) -> float:
        """Return the largest share of a player in the weighted control variates."""
        shares = [own.values * weight for own, weight in zip(self._controls, weights, strict=True)]
        return float(np.abs(np.sum(shares, axis=0)).max()) if shares else 0.0

    def _linear(self, method: str, known: _Pairs) -> Iterator[Candidate]:
        """Yield the candidates of a method that is linear in the values.

        Residuals are, too: those of a difference are the difference of the residuals.
        """
        held = [
            self._engine.revalued(LINEAR[method], odd).held_out(float(grand))
            for odd, grand in zip(known.odd, self._grand, strict=True)
        ]
        # Of the coalitions of a size, the share s / n has a player, and informs its value.
        self._importance = self._valuation.n_players * held[0][1]
        (own, *others), numbers = [residuals for residuals, _ in held], range(len(held) - 1)
        yield self._candidate(method, np.zeros(len(numbers)), own)
        for number in numbers:
            yield self._candidate(method, np.eye(len(numbers))[number], own - others[number])
        for count in range(1, len(held)):
            for subset in combinations(numbers, count):
                controls = np.stack([others[number] for number in subset])
                fitted, residuals = _regressed(own, controls, self._importance)
                weights = np.zeros(len(numbers))
                weights[list(subset)] = fitted
                yield self._candidate(method, weights, residuals)

    def _candidate(self, method: str, weights: Array, residuals: Array) -> Candidate:
        """Return a candidate with what it erred by; NaN for pairs that it was not tried on."""
        tried = ~np.isnan(residuals)
        importance, total = self._importance[tried], float(self._importance.sum())
        part = float(importance.sum()) / total if total else 1.0
        squares = float((importance * residuals[tried] ** 2).sum()) / part
        known = float((self._known_errors(weights) ** 2).mean())
        coefficients = {
            control.name: float(weight)
            for control, weight in zip(self._controls, weights, strict=True)
            if weight
        }
        residual = sqrt(squares / total) if total else 0.0
        return Candidate(method, coefficients, residual, sqrt(squares + known))

    def _fitted(self, choice: Candidate, known: _Pairs) -> Estimate:
        """Return the estimate of a linear candidate."""
        weights = self._vector(choice)
        odd, grand = self._left(known, weights)
        engine = self._engine.revalued(LINEAR[choice.method], odd)
        values, errors, unseen, order = engine.estimate(
            grand, self._scale, self._taken_off(weights)
        )
        self._fit = {"weights_per_player": order}
        return Estimate(values, errors, DEGREES, np.full(len(values), unseen))

    def _ridge(
        self, known: _Pairs, odd: Array, grand: float, _: float
    ) -> tuple[Array, Callable[[], Estimate]] | str:
        """Return the residuals of kernel ridge regression and its estimate, or why not."""
        pairs, n_players = len(known.sizes), self._valuation.n_players
        if not self._is_shapley:
            return "estimates the Shapley value only"
        if self._hurried:
            return HURRIED
        if pairs > KERNEL_PAIRS:
            return f"more than {KERNEL_PAIRS:,} pairs"
        if too_few(pairs, n_players):
            return "fewer than 10/9 pairs for each player"
        engine = self._engine.revalued("regression", odd)
        with progress_report("fit", "", self._valuation.progress) as report:
            values, errors, unseen, (noise, left_out) = engine.kernel_ridge(
                grand, self._scale, report
            )

        def estimate() -> Estimate:
            self._fit = {"noise": noise}
            degrees = max(1, pairs - n_players)
            return Estimate(values, errors, degrees, np.full(n_players, unseen))

        return left_out, estimate

    def _trees(
        self, known: _Pairs, odd: Array, grand: float, best: float
    ) -> tuple[Array, Callable[[], Estimate]] | str:
        """Return the residuals of boosted trees and their estimate, or why not.

        Half of the pairs decides whether the other is worth the time: its residuals are NaN where
        the trees erred by far more than the best of the others.
        """
        smaller, n_players = known.smaller, self._valuation.n_players
        if not self._is_shapley:
            return "estimate the Shapley value only"
        if self._hurried:
            return HURRIED
        if smaller is None:
            return f"more than {TREE_CELLS:,} pairs times players"
        pairs = len(smaller)
        if too_few(pairs // 2, n_players):
            return "fewer than 20/9 pairs for each player"
        try:
            with needs("surrogate", "boosted trees need scikit-learn"):
                import sklearn.ensemble  # noqa: F401 # before anything is fitted
        except MissingExtraError as error:
            return str(error)
        everybody = np.ones((1, n_players), np.bool_)
        left = np.full(pairs, np.nan)
        nothing = np.zeros(len(self._controls))
        parts: list[tuple[NDArray[np.bool_], float, Array, Array]] = []
        first = np.arange(pairs) % 2 == 0  # half of each size
        for teacher in (first, ~first):
            additive, *_ = self._engine.revalued("regression", odd, teacher).estimate(
                grand, self._scale
            )
            half = odd[teacher] / 2
            trees = Trees(smaller[teacher], half, -half, additive, BoostedTrees(), self._seed)
            rows = smaller[~teacher]
            explained = trees.odd_part(rows) + worth(rows, additive) - worth(~rows, additive)
            left[~teacher] = odd[~teacher] - explained
            rest = grand - float(trees.odd_part(everybody)[0]) - float(additive.sum())
            parts.append((~teacher, rest, additive, trees.shapley_value()))
            if self._candidate("boosted_trees", nothing, left).residual > HOPELESS * best:
                break

        def estimate() -> Estimate:
            values, variance, missed = np.zeros(n_players), np.zeros(n_players), 0.0
            for examiner, rest, additive, explained in parts:
                engine = self._engine.revalued("two_stage", left, examiner)
                own, errors, unseen, _ = engine.estimate(
                    rest, self._scale, float(np.abs(additive).max())
                )
                values += (additive + explained + own) / 2
                variance += errors**2 / 4
                missed += unseen**2 / 4
            self._fit = {"trees": BoostedTrees().n_trees}
            return Estimate(values, np.sqrt(variance), DEGREES, np.full(n_players, sqrt(missed)))

        return left, estimate


HURRIED = "its fits would take a part of max_seconds"
"""Why slow candidates are not tried where time limits the sample."""

_ORDERS = {
    "permutations": "orders ask for other coalitions; taken with few evaluations for each player",
    "sample_reuse": "pairs correct by the same strata, with a surrogate taken off before",
    "stratified": "strata ask for other coalitions, each of which informs one player",
}
"""Why these are not compared."""


def _expected(candidate: Candidate) -> float:
    return candidate.expected_error


def _regressed(own: Array, controls: Array, importance: Array) -> tuple[Array, Array]:
    """Return the coefficients that explain most of a game, and what each pair is off without it."""
    weighted = controls * importance
    inverse = np.linalg.pinv(np.einsum("im,jm->ij", weighted, controls), hermitian=True)
    coefficients = np.einsum("ij,jm,m->i", inverse, weighted, own)
    residuals = own - np.einsum("i,im->m", coefficients, controls)
    leverage = np.einsum("im,ij,jm->m", weighted, inverse, controls)
    alone = leverage >= LEVERAGE
    left_out = residuals / (1 - np.where(alone, 0.0, leverage))
    return coefficients, np.where(alone, inf, left_out)
