"""A member as an agent: a load, PV and batteries, answered by the compiled engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame._engine import ProximalMember, proximal_responses
from sesgame.cached import cached_property
from sesgame.energy.battery import Battery, storage_of
from sesgame.energy.community_checks import checked_energy
from sesgame.energy.dispatch.problem import Storage
from sesgame.energy.time_steps import TimeSteps
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_fields

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["MemberAgent", "native_responses"]


@checked_fields
@dataclass(frozen=True, eq=False, repr=False, init=False)
class MemberAgent(ByValue):
    r"""A member with a load, PV and batteries, who answers without showing any of them.

    .. math:: f(q) = \min \sum_t w\, d_t \quad\text{with}\quad
              q_t = \ell_t - g_t + k_t + c_t - d_t, \quad
              e_t = e_{t-1} + \eta^c c_t - d_t / \eta^d \in [0, E]

    for what batteries are charged c and discharged d up to their power, no less stored at the end
    than at the start, a cost w of each kWh delivered, and PV k left unused if that is allowed.

    Parameters
    ----------
    steps : TimeSteps or array_like of datetime64, shape (T,)
        The steps of the meter, or when each starts.
    load_kwh, pv_kwh : array_like of float, shape (T,)
        As of a :class:`Community`; no PV by default.
    batteries : iterable of Battery, optional
        All of one owner.
    curtailment : bool, default False
        Whether PV may be left unused.

    Raises
    ------
    GameError
        Shapes do not fit, a number is not finite, or the batteries have several owners.

    Notes
    -----
    One battery takes O(T B) by dynamic programming over convex piecewise-quadratic costs, exactly,
    where B pieces, far fewer than T, are those between an empty and a full battery: the inverses of
    the slopes of two costs add up where the costs are convolved [rockafellar1970]_. Several
    batteries of one member take turns until none moves by more than 1e-12 of their power; since
    only their sum is coupled, that ends at the optimum [tseng2001]_.

    Energy may be burnt by charging and discharging in one step, as in the linear program: at prices
    above 0 it never pays.

    Examples
    --------
    >>> import numpy as np
    >>> import sesgame as sg
    >>> ann = sg.energy.MemberAgent(
    ...     ["2016-06-01T12:00", "2016-06-01T13:00"],
    ...     load_kwh=[1.0, 3.0],
    ...     batteries=[
    ...         sg.energy.Battery(
    ...             owner="ann",
    ...             energy_kwh=4,
    ...             power_kw=2,
    ...             charge_efficiency=1,
    ...             discharge_efficiency=1,
    ...         )
    ...     ],
    ... )
    >>> ann.respond(np.array([2.0, 2.0]), 0.1).tolist()
    [2.0, 2.0]
    """

    net_load_kwh: NDArray[np.float64]
    unused_kwh: NDArray[np.float64]
    storage: Storage
    step_hours: float

    def __init__(
        self,
        steps: TimeSteps | ArrayLike,
        load_kwh: ArrayLike,
        pv_kwh: ArrayLike | None = None,
        *,
        batteries: Iterable[Battery] = (),
        curtailment: bool = False,
    ) -> None:
        if not isinstance(steps, TimeSteps):
            steps = TimeSteps.from_times(steps)
        owned = tuple(batteries)
        owners: list[Any] = list(dict.fromkeys(battery.owner for battery in owned))
        owners = owners or ["the member"]
        if len(owners) > 1:
            raise GameError(
                f"the batteries of one agent are owned by {owners[0]!r} and {owners[1]!r}; each "
                f"member is an agent of its own"
            )
        rows: dict[str, Any] = {
            "load_kwh": [load_kwh],
            "pv_kwh": [np.zeros(steps.n_steps) if pv_kwh is None else pv_kwh],
        }
        load, pv = (
            checked_energy(name, given, (owners[0],), steps, {})[0] for name, given in rows.items()
        )
        self._set(
            load - pv,
            np.maximum(pv, 0.0) if curtailment else np.zeros(0),
            storage_of(owned, owners, steps),
            steps.step_hours,
        )

    @classmethod
    def of_arrays(
        cls,
        net_load_kwh: NDArray[np.float64],
        unused_kwh: NDArray[np.float64],
        storage: Storage,
        step_hours: float,
    ) -> MemberAgent:
        """Return the agent of checked arrays: net load, PV that may be unused, and batteries."""
        agent = object.__new__(cls)
        agent._set(net_load_kwh, unused_kwh, storage, step_hours)
        return agent

    def _set(
        self,
        net_load_kwh: NDArray[np.float64],
        unused_kwh: NDArray[np.float64],
        storage: Storage,
        step_hours: float,
    ) -> None:
        for values in (net_load_kwh, unused_kwh):
            values.setflags(write=False)
        object.__setattr__(self, "net_load_kwh", net_load_kwh)
        object.__setattr__(self, "unused_kwh", unused_kwh if unused_kwh.any() else np.zeros(0))
        object.__setattr__(self, "storage", storage.part(storage.usable))
        object.__setattr__(self, "step_hours", step_hours)

    @cached_property
    def native(self) -> ProximalMember:
        """The compiled agent."""
        battery, hours = self.storage, self.step_hours
        columns = zip(
            zip(
                battery.energy_kwh.tolist(),
                (battery.charge_power_kw * hours).tolist(),
                (battery.discharge_power_kw * hours).tolist(),
                battery.initial_charge_kwh.tolist(),
                strict=True,
            ),
            zip(
                battery.charge_efficiency.tolist(),
                battery.discharge_efficiency.tolist(),
                strict=True,
            ),
            battery.degradation_cost_per_kwh.tolist(),
            zip(battery.first_step.tolist(), battery.end_step.tolist(), strict=True),
            strict=True,
        )
        return ProximalMember(self.net_load_kwh, self.unused_kwh, list(columns))

    def respond(self, target: NDArray[np.float64], rho: float) -> NDArray[np.float64]:
        """Return the best net exchange near a target, shape (T,), in kWh."""
        return self.native.respond(target, rho)[0]

    def own_cost(self, target: NDArray[np.float64], rho: float) -> float:
        """Return what the answer to a target wears off the batteries."""
        return self.native.respond(target, rho)[1]

    def __repr__(self) -> str:
        return f"MemberAgent({len(self.net_load_kwh)} steps, {len(self.storage)} batteries)"


def native_responses(
    agents: Sequence[MemberAgent], targets: NDArray[np.float64], rhos: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what all answer, a row each, and what that costs them, in parallel."""
    return proximal_responses([agent.native for agent in agents], targets, rhos)
