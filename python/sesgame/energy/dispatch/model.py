"""The models of what a coalition costs, and the one place where they are chosen by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from sesgame.energy.dispatch.billed import BilledModel
from sesgame.energy.dispatch.integer import IntegerModel
from sesgame.energy.dispatch.linear import LinearModel, MergedModel
from sesgame.energy.dispatch.metered import METERED_MODELS
from sesgame.energy.dispatch.netting import NettingModel
from sesgame.energy.dispatch.pool_gap import is_harmless
from sesgame.energy.dispatch.pooled import PooledModel
from sesgame.energy.dispatch.problem import Dispatch, DispatchProblem, Model
from sesgame.errors import GameError

if TYPE_CHECKING:
    from sesgame._engine import NativeGame
    from sesgame.energy.dispatch.dual_prices import DualBills, DualPrices
    from sesgame.energy.dispatch.linear_program import LinearDispatch, StorageUnit
    from sesgame.energy.dispatch.separation import DispatchOracle
    from sesgame.energy.risk import Risk

__all__ = ["MODELS", "DispatchModel", "chosen", "model_named", "refuse_dispatch_above_buy"]


class DispatchModel(Protocol):
    """How coalitions are dispatched, and what that costs them."""

    @property
    def name(self) -> Model:
        """What users call it."""

    @property
    def sentence(self) -> str:
        """What a report says of it."""

    @property
    def reading(self) -> str:
        """What a coalition's cost means where batteries are metered, as a part of a sentence."""

    @property
    def optimises(self) -> bool:
        """Whether it chooses a dispatch that costs least."""

    @property
    def is_pooled(self) -> bool:
        """Whether batteries are run as one."""

    @property
    def uses_batteries(self) -> bool:
        """Whether batteries are run at all."""

    @property
    def max_listed_players(self) -> int:
        """For how many members every coalition may be dispatched."""

    @property
    def local_search(self) -> int:
        """How many coalitions are worth a dispatch before a separation oracle is asked."""

    def summary(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float] = (1.0,)
    ) -> str:
        """Return in words how the batteries of a problem, or of several scenarios, are run."""

    def proved_gap(self, problem: DispatchProblem) -> float:
        """Return by which share of what storage saves a coalition's cost may be too low."""

    def missing(self, problem: DispatchProblem) -> list[str]:
        """Return what of a problem the model does not have, in words."""

    def program(
        self,
        problems: Sequence[DispatchProblem],
        weights: Sequence[float] = (1.0,),
        risk: Risk | None = None,
    ) -> LinearDispatch:
        """Return the costs as a linear program, of a problem or of several scenarios."""

    def storage_units(self, problem: DispatchProblem) -> list[StorageUnit]:
        """Return the storage that is run as one."""

    def native_game(self, problem: DispatchProblem) -> NativeGame:
        """Return the compiled game."""

    def mean_game(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float]
    ) -> NativeGame:
        """Return the compiled game of mean costs of scenarios, which share what they buy."""

    def dispatch(self, problem: DispatchProblem, members: Sequence[int]) -> Dispatch:
        """Return what a coalition does, its members by number."""

    def dual_bills(self, problem: DispatchProblem) -> DualBills:
        """Return what members owe at prices that prove the dispatch of all optimal."""

    def dual_prices(self, problem: DispatchProblem, *, progress: bool) -> DualPrices:
        """Return such prices, and the range of each bill under all of them."""

    def separation_oracle(self, problem: DispatchProblem) -> DispatchOracle | None:
        """Return the separation oracle of the costs, if there is one."""


_POOLED, _NETTING, _MERGED, _LINEAR = PooledModel(), NettingModel(), MergedModel(), LinearModel()
_INTEGER, _BILLED = IntegerModel(), BilledModel()

MODELS: dict[Model, DispatchModel] = {
    model.name: model for model in (_POOLED, _NETTING, _MERGED, _LINEAR, _INTEGER, _BILLED)
}
"""Those of what may be dispatched, by name: the fastest first."""


def model_named(name: Model) -> DispatchModel:
    """Return a model by its name.

    Raises
    ------
    GameError
        There is none.
    """
    known: dict[Model, DispatchModel] = {**MODELS, **METERED_MODELS}
    if not isinstance(name, str) or name not in known:
        *others, last = (f'"{each}"' for each in known)
        raise GameError(f"model must be {', '.join(others)} or {last}, got {name!r}")
    return known[name]


def refuse_dispatch_above_buy(problem: DispatchProblem) -> None:
    """Refuse to dispatch where selling earns more than buying costs in some step.

    Raises
    ------
    GameError
        There is such a step.
    """
    above = problem.sells_above_buy
    if above:
        raise GameError(
            f"{above}: where selling earns more than buying costs, a step costs least if one meter "
            f"buys and sells at once, which it cannot; so nothing is dispatched. Give what "
            f"batteries did (battery_kwh) or what runs them (controller), or leave them out"
        )


def chosen(problem: DispatchProblem, name: Model | None) -> DispatchModel:
    """Return the model of a name, by default the fastest that has all of a problem.

    Batteries run as one, or as a few units, only where that is proved to change no coalition's cost
    by more than a hundredth of what they save. Where it is known what ran them, they are run again
    by that; where it is only metered what they did, that counts.

    Raises
    ------
    GameError
        There is no such model, or it lacks something that the problem has.
    """
    model = _default(problem) if name is None else model_named(name)
    if problem.billing is not None:
        if model.optimises:
            raise GameError(
                f'model="{model.name}" does not support {", ".join(problem.billing.elements)}; '
                f'model="{_default(problem).name}" does'
            )
        if model is _BILLED:
            _BILLED.refuse_dispatch(problem)
    if model.optimises and model is not _NETTING:
        refuse_dispatch_above_buy(problem)
    missing = model.missing(problem)
    if missing and model is _BILLED:
        raise GameError(f'model="{name}" is for {", ".join(missing)}; there is none here')
    if missing:
        best = _INTEGER if problem.choices.any() else _LINEAR
        is_program = not (problem.sells_above_buy or problem.billing or best.missing(problem))
        raise GameError(
            f'model="{model.name}" does not support {", ".join(missing)}'
            + (f'; model="{best.name}" does' if is_program else "")
        )
    return model


def _default(problem: DispatchProblem) -> DispatchModel:
    """Return the model of a problem for which none is asked."""
    if problem.control is not None:
        return METERED_MODELS["re-run"]
    if problem.metered_kwh is not None:
        return METERED_MODELS["as-it-ran"]
    if problem.billing is not None:
        return _BILLED
    to_buy = len(problem.offers) + len(problem.generation)
    if problem.sells_above_buy and not (problem.storage.usable.size or to_buy):
        return _NETTING
    if problem.choices.any():
        return _INTEGER
    if _POOLED.missing(problem) or not is_harmless(problem):
        return _MERGED if _MERGED.merges(problem) else _LINEAR
    return _POOLED if len(problem.storage) else _NETTING
