"""Schedules: the dispatch behind a coalition's cost."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.dispatch.model import model_named
from sesgame.energy.dispatch.pool_gap import NEEDED
from sesgame.formatting import count
from sesgame.game.by_value import ByValue
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from sesgame.energy.dispatch.problem import Dispatch, DispatchProblem, Model
    from sesgame.energy.time_steps import TimeSteps

__all__ = ["Schedule"]


@dataclass(frozen=True, eq=False, repr=False)
class Schedule(ByValue):
    """What a coalition does, at best or as it was: kWh in each step, arrays of shape (T,).

    In each step ``net_load + charge - discharge = bought_generation + grid_import - grid_export``.

    Attributes
    ----------
    steps : TimeSteps
        The steps.
    members : tuple of str
        The coalition.
    net_load_kwh : ndarray
        Load minus PV of all members together.
    charge_kwh, discharge_kwh : ndarray
        Drawn to charge the battery, and delivered by it, at its terminals; both in one step only
        where negative prices pay for the losses.
    state_of_charge_kwh : ndarray of shape (T + 1,)
        What is stored at the beginning, and after each step; NaN where it was not metered.
    grid_import_kwh, grid_export_kwh : ndarray
        Bought and sold; never both in one step.
    cost : float
        Of the whole period, in `currency`, with degradation costs and what is bought.
    currency : str
        The unit of money.
    model : str
        What found it: a recursion, ``"battery"`` or ``"netting"``, a linear program, ``"merged"``
        or ``"linear"``, readings, ``"as-it-ran"``, or a controller, ``"re-run"``.
    burnt_kwh : ndarray
        Lost because storage charges and discharges in the same step: what it draws beyond what
        would bring it to the same charge by one of both alone. 0 where it is metered or run by a
        controller.
    bought_generation_kwh : ndarray
        What the generators give that are bought; 0 where there are none.
    purchases : dict of str to tuple of float
        Of each storage offer the energy capacity in kWh and the power in kW that are bought.
    generators_kw : dict of str to float
        Of each generation offer the power in kW that is bought.
    pool_gap : float
        The share of what they save by which unlike batteries at most save less by themselves than
        in the pool, or the units, dispatched; 0 where they are alike or by themselves, infinite
        where some coalition cannot keep a limit without storage, so that there is no bound.
    """

    steps: TimeSteps
    members: tuple[str, ...]
    net_load_kwh: NDArray[np.float64]
    charge_kwh: NDArray[np.float64]
    discharge_kwh: NDArray[np.float64]
    state_of_charge_kwh: NDArray[np.float64]
    grid_import_kwh: NDArray[np.float64]
    grid_export_kwh: NDArray[np.float64]
    cost: float
    currency: str
    model: Model
    burnt_kwh: NDArray[np.float64]
    bought_generation_kwh: NDArray[np.float64]
    purchases: dict[str, tuple[float, float]] = field(default_factory=dict)
    generators_kw: dict[str, float] = field(default_factory=dict)
    pool_gap: float = 0.0

    @classmethod
    def of(
        cls,
        problem: DispatchProblem,
        members: Sequence[int],
        dispatch: Dispatch,
        steps: TimeSteps,
        model: Model,
    ) -> Schedule:
        """Return what a model found for members, by number, with the labels of the problem."""
        generated = dispatch.bought_generation_kwh
        return cls(
            steps=steps,
            members=tuple(problem.members[number] for number in members),
            net_load_kwh=dispatch.net_load_kwh,
            charge_kwh=dispatch.charge_kwh,
            discharge_kwh=dispatch.discharge_kwh,
            state_of_charge_kwh=dispatch.state_of_charge_kwh,
            grid_import_kwh=dispatch.grid_import_kwh,
            grid_export_kwh=dispatch.grid_export_kwh,
            cost=dispatch.cost,
            currency=problem.currency,
            model=model,
            purchases=dispatch.purchases,
            generators_kw=dispatch.generators_kw,
            burnt_kwh=dispatch.burnt_kwh,
            bought_generation_kwh=np.zeros(steps.n_steps) if generated is None else generated,
            pool_gap=model_named(model).proved_gap(problem),
        )

    @property
    def how(self) -> str:
        """How the coalition is dispatched, in a sentence; how exactly, where batteries differ."""
        sentence = model_named(self.model).sentence
        if not self.pool_gap:
            return sentence
        differ = f"{sentence.removesuffix('.')}; they differ, and "
        if math.isinf(self.pool_gap):
            return f"{differ}what they save by themselves has no bound: {NEEDED}."
        return f"{differ}by themselves they save at most {100 * self.pool_gap:.3g} % less."

    @property
    def uses_batteries(self) -> bool:
        """Whether its batteries are run at all."""
        return model_named(self.model).uses_batteries

    @property
    def is_chosen(self) -> bool:
        """Whether it is a dispatch that costs least, found with foresight."""
        return model_named(self.model).optimises

    @property
    def shows_charge(self) -> bool:
        """Whether something is stored, and it is known how much."""
        return bool(np.nan_to_num(self.state_of_charge_kwh).any())

    @property
    def peak_import_kw(self) -> float:
        """The highest import of any step."""
        return float(self.grid_import_kwh.max() / self.steps.step_hours)

    def to_pandas(self) -> pd.DataFrame:
        """Return one row for each step, indexed by its start (extra ``pandas``).

        The index has the zone of the steps' calendar, if there is one.

        The state of charge is that at the end of the step.
        """
        with needs("pandas", "frames need pandas"):
            import pandas as pd

        columns = {
            "net_load_kwh": self.net_load_kwh,
            "charge_kwh": self.charge_kwh,
            "discharge_kwh": self.discharge_kwh,
            "state_of_charge_kwh": self.state_of_charge_kwh[1:],
            "grid_import_kwh": self.grid_import_kwh,
            "grid_export_kwh": self.grid_export_kwh,
        }
        if self.burnt_kwh.any():
            columns["burnt_kwh"] = self.burnt_kwh
        if self.generators_kw:
            columns["bought_generation_kwh"] = self.bought_generation_kwh
        index = pd.DatetimeIndex(self.steps.instants, name="time")
        zone = self.steps.calendar.zone
        if zone is not None:
            index = index.tz_localize("UTC").tz_convert(zone)
        return pd.DataFrame(columns, index=index)

    def __repr__(self) -> str:
        return (
            f"Schedule({count(len(self.members), 'member')}, {count(self.steps.n_steps, 'step')}, "
            f"{self.grid_import_kwh.sum():.6g} kWh bought, {self.grid_export_kwh.sum():.6g} kWh "
            f"sold, cost {self.cost:.6g} {self.currency}{self._planned})"
        )

    @property
    def _planned(self) -> str:
        """What is bought, in words."""
        storage = [
            f"{capacity:.6g} kWh and {power:.6g} kW of {name!r}"
            for name, (capacity, power) in self.purchases.items()
        ]
        generation = [f"{power:.6g} kW of {name!r}" for name, power in self.generators_kw.items()]
        return "".join(f", {each} bought" for each in storage + generation)
