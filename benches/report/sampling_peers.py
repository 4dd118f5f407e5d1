"""The estimators of other packages, behind one signature: case, budget, seed -> values.

pip install --group sampling-peers
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import shapiq
from numpy.typing import NDArray
from sampling_cases import Array, Case

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of libraries that pyDVL imports
    from pydvl.utils.status import Status
    from pydvl.valuation import (
        AntitheticPermutationSampler,
        Dataset,
        MinUpdates,
        PermutationSampler,
        ShapleyValuation,
        StoppingCriterion,
        StratifiedShapleyValuation,
    )
    from pydvl.valuation.utility.base import UtilityBase

Estimate = Callable[[Case, int, int], Array]


def of_shapiq(name: str, case: Case, budget: int, seed: int, **options: Any) -> Array:
    """One of shapiq's approximators, with its defaults but for what is named."""

    class Game(shapiq.Game):  # type: ignore[misc] # shapiq is untyped for us
        def value_function(self, coalitions: Any) -> Array:
            return case.values(np.asarray(coalitions, dtype=np.bool_))

    game = Game(n_players=case.n_players, normalize=False, normalization_value=0.0)
    approximator = getattr(shapiq.approximator, name)(
        n=case.n_players, random_state=seed, **options
    )
    result = approximator.approximate(budget=budget, game=game)
    return np.array([result[(player,)] for player in range(case.n_players)])


class Utility(UtilityBase):  # type: ignore[misc] # pyDVL is untyped for us
    """The game as a utility of subsets of a data set of one row for each player."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.evaluations = [0]  # shared by the copies that pyDVL makes
        self._training_data = None

    def __call__(self, sample: Any) -> float:
        self.evaluations[0] += 1
        row = np.zeros((1, self.case.n_players), dtype=np.bool_)
        if sample is not None:
            row[0, np.asarray(sample.subset, dtype=np.intp)] = True
        return float(self.case.values(row)[0]) if row.any() else 0.0


class Spent(StoppingCriterion):  # type: ignore[misc]
    """Stops when the budget of evaluations is spent."""

    def __init__(self, utility: Utility, budget: int) -> None:
        super().__init__(modify_result=False)
        self.utility, self.budget = utility, budget

    def _check(self, result: Any) -> Any:
        spent = self.utility.evaluations[0] >= self.budget
        return Status.Converged if spent else Status.Pending

    def completion(self) -> float:
        return min(1.0, self.utility.evaluations[0] / self.budget)


def of_pydvl(kind: str, case: Case, budget: int, seed: int) -> Array:
    """Permutations of pyDVL, each of n evaluations, or its strata, each of two."""
    utility = Utility(case)
    if kind == "stratified":
        valuation = StratifiedShapleyValuation(
            utility, Spent(utility, budget), seed=seed, progress=False, show_warnings=False
        )
    else:
        sampler = AntitheticPermutationSampler if kind == "antithetic" else PermutationSampler
        done = MinUpdates(max(1, budget // case.n_players))
        valuation = ShapleyValuation(
            utility, sampler(seed=seed), done, progress=False, show_warnings=False
        )
    nothing = np.zeros((case.n_players, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        valuation.fit(Dataset(nothing, nothing[:, 0]))
    values: NDArray[np.float64] = valuation.result.values
    return values[np.argsort(valuation.result.indices)]


PEERS: dict[str, Estimate] = {
    "shapiq KernelSHAP": partial(of_shapiq, "KernelSHAP"),
    "shapiq KernelSHAP, paired": partial(of_shapiq, "KernelSHAP", pairing_trick=True),
    "shapiq kADD-SHAP, paired": partial(of_shapiq, "kADDSHAP", pairing_trick=True),
    "shapiq unbiased KernelSHAP, paired": partial(
        of_shapiq, "UnbiasedKernelSHAP", pairing_trick=True
    ),
    "shapiq SVARM": partial(of_shapiq, "SVARM"),
    "shapiq SVARM, paired": partial(of_shapiq, "SVARM", pairing_trick=True),
    "shapiq permutations": partial(of_shapiq, "PermutationSamplingSV"),
    "shapiq strata": partial(of_shapiq, "StratifiedSamplingSV"),
    "shapiq Owen": partial(of_shapiq, "OwenSamplingSV"),
    "pyDVL permutations": partial(of_pydvl, "plain"),
    "pyDVL antithetic permutations": partial(of_pydvl, "antithetic"),
    "pyDVL strata": partial(of_pydvl, "stratified"),
}

VERSIONS = f"shapiq {version('shapiq')}, pyDVL {version('pyDVL')}"
