"""Estimators of sampled values, one in each file: what ``method=`` of the estimates takes.

Each is a frozen dataclass of its parameters; the names stand for their defaults. All intervals
count, beside the spread of the sample, one deviation that it may have missed [hanley1983]_.
"""

from __future__ import annotations

from sesgame.estimators.boosted_trees import BoostedTrees
from sesgame.estimators.estimator import Estimator, Sampling
from sesgame.estimators.kernel_ridge import KernelRidge
from sesgame.estimators.paired_regression import PairedRegression
from sesgame.estimators.permutations import Permutations
from sesgame.estimators.sample_reuse import SampleReuse
from sesgame.estimators.stratified import Stratified
from sesgame.estimators.two_stage import TwoStage

__all__ = [
    "ESTIMATORS",
    "BoostedTrees",
    "Estimator",
    "KernelRidge",
    "PairedRegression",
    "Permutations",
    "SampleReuse",
    "Sampling",
    "Stratified",
    "TwoStage",
]

ESTIMATORS: dict[str, type[Estimator]] = {
    estimator.name: estimator
    for estimator in (
        TwoStage,
        Permutations,
        PairedRegression,
        SampleReuse,
        Stratified,
        KernelRidge,
        BoostedTrees,
    )
}
"""The estimators by the names that ``method=`` takes."""
