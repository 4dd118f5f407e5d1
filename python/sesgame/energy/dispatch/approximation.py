"""Cheap games that are close to that of an expensive dispatch model: control variates for samples.

What makes a model expensive is left out: charges and limits of the grid, wear, offers, and how
batteries differ. What remains is a recursion, or a netting game whose Shapley value is exact at any
size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.dispatch.model import MODELS
from sesgame.energy.dispatch.problem import NO_GENERATION, NO_OFFERS, DispatchProblem, Storage
from sesgame.game.game import Game

if TYPE_CHECKING:
    from sesgame.energy.dispatch.model import DispatchModel
    from sesgame.energy.risk import Risk

__all__ = ["approximations", "mean_approximations"]


def approximations(
    problem: DispatchProblem, model: DispatchModel, *, even_if_cheap: bool = False
) -> dict[str, Game]:
    """Return cheaper games of the same members, the closest first; none of a cheap one.

    Parameters
    ----------
    problem : DispatchProblem
        What coalitions can do.
    model : DispatchModel
        How the expensive game dispatches them.
    even_if_cheap : bool, default False
        Whether a cheap one has netting beside it, too: risks are close to means, and the mean of
        netting games has a Shapley value that is known exactly, at any size.

    Returns
    -------
    dict of str to Game
        ``"pooled battery"``, where batteries are run, and ``"netting"``.
    """
    if problem.billing is not None or not model.optimises:
        return {}
    plain = _plain(problem)
    is_pooled = model.name in ("battery", "netting")
    if is_pooled and not even_if_cheap and plain == problem:
        return {}
    names = {"pooled battery": MODELS["battery"], "netting": MODELS["netting"]}
    if (is_pooled and even_if_cheap) or not (model.uses_batteries and plain.storage.usable.size):
        del names["pooled battery"]
    return {
        name: Game.from_native(
            cheap.native_game(plain), plain.members, kind="cost", rounding=plain.rounding
        )
        for name, cheap in names.items()
        if not cheap.missing(plain)
    }


def mean_approximations(
    problems: Sequence[DispatchProblem],
    weights: Sequence[float],
    model: DispatchModel,
    risk: Risk | None = None,
) -> dict[str, Game]:
    """Return cheaper games of the mean costs of scenarios: those that every scenario has.

    They are also those of a risk of the costs, which is no sum of games.
    """
    is_risk = risk is not None and not risk.is_mean
    first, *others = [approximations(problem, model, even_if_cheap=is_risk) for problem in problems]
    found = {}
    for name, game in first.items():
        if all(name in other for other in others):
            mean = game * weights[0]
            for weight, other in zip(weights[1:], others, strict=True):
                mean += other[name] * weight
            found[name] = mean
    return found


def _plain(problem: DispatchProblem) -> DispatchProblem:
    """Return the problem without what only some models have."""
    return replace(
        problem,
        storage=_alike(problem.storage),
        offers=NO_OFFERS,
        generation=NO_GENERATION,
        peak_charges=(),
        import_limit_kw=np.inf,
        export_limit_kw=np.inf,
        flow_limits=(),
        exclusive=False,
    )


def _alike(storage: Storage) -> Storage:
    """Return the batteries without wear and, where they differ, of their mean efficiencies."""
    unworn = replace(storage, degradation_cost_per_kwh=np.zeros(len(storage)))
    if len(storage.efficiencies) < 2:
        return unworn
    usable = storage.usable
    weights = storage.energy_kwh[usable] / storage.energy_kwh[usable].sum()
    charge, discharge = (
        float((each[usable] * weights).sum())
        for each in (storage.charge_efficiency, storage.discharge_efficiency)
    )
    return replace(
        unworn,
        charge_efficiency=np.full(len(storage), charge),
        discharge_efficiency=np.full(len(storage), discharge),
    )
