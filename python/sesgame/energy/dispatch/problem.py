"""What a dispatch model is told: plain arrays of steps, prices, energy, storage and limits.

Whoever has energy to share makes one, so that a model knows no community, no file and no calendar.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from sesgame.cached import cached_property
from sesgame.energy.dispatch.binding_limits import BindingLimits
from sesgame.formatting import count
from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.dispatch.billing import Billing

__all__ = [
    "AT_ONCE",
    "GENERATION_TO_BUY",
    "NO_GENERATION",
    "NO_OFFERS",
    "Control",
    "Dispatch",
    "DispatchProblem",
    "FlowLimit",
    "GenerationOffers",
    "Model",
    "Offers",
    "PeakCharge",
    "Steps",
    "Storage",
    "burnt",
]

Model = Literal[
    "battery", "netting", "merged", "linear", "integer", "contract", "as-it-ran", "re-run"
]
"""``"battery"``: a coalition's batteries run as one, optimally; where they are unlike, that costs
too little, by up to a stated share of what they save. ``"netting"``: none is used. Both are
recursions, very fast, also under demand charges. ``"linear"``: a linear program, with each battery
by itself, wear, limits of the grid and storage to buy. ``"merged"``: the same in which batteries
that are nearly alike run as one unit, which costs too little by up to a stated share, too.
``"integer"``: the linear program without charging and discharging in the same step.
``"contract"``: netting, billed by elements of a contract that depend on whole months.
``"as-it-ran"``: what batteries were metered to do is netted like a load, whoever leaves.
``"re-run"``: the controller that ran them runs those of each coalition, without foresight. Both are
billed by whatever a contract has."""


AT_ONCE = "storage that never charges and discharges at once"
"""What only an integer program has, in words."""


class Steps(Protocol):
    """Steps of equal length; :class:`~sesgame.energy.TimeSteps` are some."""

    @property
    def n_steps(self) -> int:
        """How many there are."""

    @property
    def step_hours(self) -> float:
        """The length of a step in hours."""

    def time(self, index: int) -> str:
        """Return when a step starts, as messages show it."""


@dataclass(frozen=True, eq=False)
class Storage(ByValue):
    """Batteries that members bring, arrays of shape (m,).

    Attributes
    ----------
    owner : ndarray of int
        The number of the member who brings it.
    energy_kwh, initial_charge_kwh : ndarray
        Capacity, and what is stored at the beginning.
    charge_power_kw, discharge_power_kw : ndarray
        The most that is drawn, and the most that is delivered.
    charge_efficiency, discharge_efficiency : ndarray
        In (0, 1].
    degradation_cost_per_kwh : ndarray
        For each kWh that is delivered.
    first_step, end_step : ndarray of int
        The first step in which it is there, with its initial charge, and the first after these.
    """

    owner: NDArray[np.intp]
    energy_kwh: NDArray[np.float64]
    charge_power_kw: NDArray[np.float64]
    discharge_power_kw: NDArray[np.float64]
    initial_charge_kwh: NDArray[np.float64]
    charge_efficiency: NDArray[np.float64]
    discharge_efficiency: NDArray[np.float64]
    degradation_cost_per_kwh: NDArray[np.float64]
    first_step: NDArray[np.int64]
    end_step: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.owner)

    @property
    def usable(self) -> NDArray[np.intp]:
        """The batteries that have capacity, are there and can be charged, by number.

        One that cannot be charged cannot be discharged either, since no less may be stored at the
        end than at the beginning.
        """
        is_there = self.first_step < self.end_step
        return np.flatnonzero((self.energy_kwh > 0) & (self.charge_power_kw > 0) & is_there)

    @property
    def efficiencies(self) -> set[tuple[float, float]]:
        """The efficiencies of charging and discharging of all that are usable."""
        usable = self.usable
        both = (self.charge_efficiency[usable], self.discharge_efficiency[usable])
        return set(zip(*(column.tolist() for column in both), strict=True))

    @property
    def degradation_costs(self) -> set[float]:
        """The degradation costs of all that are usable, for each kWh delivered."""
        return set(self.degradation_cost_per_kwh[self.usable].tolist())

    def part(self, which: NDArray[np.intp]) -> Storage:
        """Return some of the batteries."""
        return Storage(*(getattr(self, each.name)[which] for each in fields(self)))

    def brought(
        self, which: NDArray[np.intp], n_members: int, hours: float = 1.0
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return what each member brings of some batteries, arrays of shape (n,).

        Capacity in kWh, what `hours` at full power draw and deliver, and initial charge in kWh.
        """
        energy, drawn, delivered, initial = np.zeros((4, n_members))
        owner = self.owner[which]
        np.add.at(energy, owner, self.energy_kwh[which])
        np.add.at(drawn, owner, self.charge_power_kw[which] * hours)
        np.add.at(delivered, owner, self.discharge_power_kw[which] * hours)
        np.add.at(initial, owner, self.initial_charge_kwh[which])
        return energy, drawn, delivered, initial


@dataclass(frozen=True, eq=False)
class Offers(ByValue):
    """Storage that any coalition may buy, arrays of shape (k,).

    Attributes
    ----------
    names : tuple of str
        For messages.
    price_per_year : ndarray of shape (k, 2)
        Of a kWh of capacity, and of a kW of power.
    charge_efficiency, discharge_efficiency, degradation_cost_per_kwh : ndarray
        As of :class:`Storage`.
    """

    names: tuple[str, ...]
    price_per_year: NDArray[np.float64]
    charge_efficiency: NDArray[np.float64]
    discharge_efficiency: NDArray[np.float64]
    degradation_cost_per_kwh: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.names)


NO_OFFERS = Offers((), np.zeros((0, 2)), np.zeros(0), np.zeros(0), np.zeros(0))
"""Nothing is to be bought."""


@dataclass(frozen=True, eq=False)
class GenerationOffers(ByValue):
    """Generators that any coalition may buy, of which each has as many kW as pay.

    Attributes
    ----------
    names : tuple of str
        For messages and results.
    price_per_kw_day : ndarray of shape (k,)
        Of a kW, for 24 hours.
    profile_kwh : ndarray of shape (k, T)
        What a kW generates in each step.
    """

    names: tuple[str, ...]
    price_per_kw_day: NDArray[np.float64]
    profile_kwh: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.names)


NO_GENERATION = GenerationOffers((), np.zeros(0), np.zeros((0, 0)))
"""No generator is to be bought."""

GENERATION_TO_BUY = "generation to buy"
"""What only a linear program has, in words."""


@dataclass(frozen=True, eq=False)
class FlowLimit(ByValue):
    """The most that can flow, either way, between some members and the others.

    Attributes
    ----------
    name : str
        For messages.
    behind : ndarray of bool, shape (n,)
        The members on the far side.
    limit_kw : float
        Finite.
    is_own : bool
        Whether it comes and goes with the member behind it; if not, it belongs to nobody.
    """

    name: str
    behind: NDArray[np.bool_]
    limit_kw: float
    is_own: bool


@dataclass(frozen=True, eq=False)
class PeakCharge(ByValue):
    """A charge on the highest import among some steps.

    Attributes
    ----------
    name : str
        For messages and results.
    price_per_kw : float
        Of the highest import in any of the steps, once for all of them; at least 0.
    steps : ndarray of int
        At least one, in ascending order.
    """

    name: str
    price_per_kw: float
    steps: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Control(ByValue):
    """A controller that runs batteries without foresight: a band of net loads in each step.

    Below the band batteries charge what is missing to it, above it they deliver what is beyond it.

    Attributes
    ----------
    name : str
        For messages and results.
    low_kwh, high_kwh : ndarray of shape (T,)
        The ends of the band, of which each may be infinite.
    shift_kwh : ndarray of shape (n,)
        By how much each member of a coalition moves its band up.
    """

    name: str
    low_kwh: NDArray[np.float64]
    high_kwh: NDArray[np.float64]
    shift_kwh: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DispatchProblem(ByValue):
    """What coalitions of n members can do in T steps, and what it costs.

    Attributes
    ----------
    members : tuple of str
        One label for each member.
    steps : Steps
        How many there are, how long, and what messages call them.
    load_kwh, pv_kwh : ndarray of shape (n, T)
        Energy that members use and generate in each step.
    buy_per_kwh, sell_per_kwh : ndarray of shape (T,)
        Prices of what comes from outside and of what is fed in. Where selling earns more than
        buying costs, nothing can be dispatched (:attr:`sells_above_buy`).
    storage : Storage
        The batteries of members.
    offers : Offers
        Storage to buy.
    peak_charges : tuple of PeakCharge
        Those that cost something, one for each period of each charge.
    import_limit_kw, export_limit_kw : float
        Of any coalition together; may be infinite.
    flow_limits : tuple of FlowLimit
        Of lines and connections.
    currency : str
        For messages.
    may_curtail : ndarray of bool, shape (n,), optional
        Whose PV may be left unused; nobody's by default.
    metered_kwh : ndarray of shape (n, T), optional
        What each member's batteries were metered to draw, less what they delivered.
    control : Control, optional
        What ran them.
    exclusive : bool, default False
        Whether storage may not charge and discharge in the same step.
    generation : GenerationOffers
        Generators to buy; none by default.
    billing : Billing, optional
        What else a contract bills; it has all charges on peaks then, and `peak_charges` is empty.
    """

    members: tuple[str, ...]
    steps: Steps
    load_kwh: NDArray[np.float64]
    pv_kwh: NDArray[np.float64]
    buy_per_kwh: NDArray[np.float64]
    sell_per_kwh: NDArray[np.float64]
    storage: Storage
    offers: Offers
    peak_charges: tuple[PeakCharge, ...]
    import_limit_kw: float
    export_limit_kw: float
    flow_limits: tuple[FlowLimit, ...]
    currency: str
    billing: Billing | None = None
    may_curtail: NDArray[np.bool_] | None = None
    metered_kwh: NDArray[np.float64] | None = None
    control: Control | None = None
    exclusive: bool = False
    generation: GenerationOffers = field(default_factory=lambda: NO_GENERATION)

    @cached_property
    def curtailable_kwh(self) -> NDArray[np.float64]:
        """The PV that may be left unused, shape (n, T)."""
        if self.may_curtail is None or not self.may_curtail.any():
            # A large community is not copied to find that nothing may be left.
            return np.broadcast_to(0.0, self.pv_kwh.shape)
        return np.maximum(self.pv_kwh, 0.0) * self.may_curtail[:, np.newaxis]

    @property
    def sells_above_buy(self) -> str:
        """Where selling earns more than buying costs, in words; empty if nowhere."""
        above = self.buy_per_kwh < self.sell_per_kwh
        if not above.any():
            return ""
        step = int(np.argmax(above))
        return (
            f"at {self.steps.time(step)} energy is bought for {self.buy_per_kwh[step]:g} and sold "
            f"for {self.sell_per_kwh[step]:g} {self.currency} per kWh"
        )

    @cached_property
    def net_load_kwh(self) -> NDArray[np.float64]:
        """Load minus PV, shape (n, T), read-only."""
        net: NDArray[np.float64] = self.load_kwh - self.pv_kwh
        net.setflags(write=False)
        return net

    @cached_property
    def binding(self) -> BindingLimits:
        """In which steps limits can bind for some coalition."""
        hours, storage = self.steps.step_hours, self.storage
        _, charge, discharge, _ = storage.brought(storage.usable, len(self.members), hours)
        return BindingLimits.of(
            net_load_kwh=self.net_load_kwh,
            pv_kwh=self.curtailable_kwh,
            powers_kwh=(charge, discharge),
            grid_kwh=(self.import_limit_kw * hours, self.export_limit_kw * hours),
            flows=[(each.behind, each.limit_kw * hours, each.is_own) for each in self.flow_limits],
            sell_per_kwh=self.sell_per_kwh,
            has_offers=len(self.offers) + len(self.generation) > 0,
        )

    def limits_before(self, member: int) -> tuple[int, ...]:
        """Return the numbers of the limits of flow that a member is behind and that can bind."""
        limits = enumerate(zip(self.flow_limits, self.binding.flows, strict=True))
        return tuple(
            number for number, (limit, steps) in limits if limit.behind[member] and steps.any()
        )

    @property
    def rounding(self) -> float:
        """By how much rounding alone may put a cost off.

        Costs are sums of the money that flows in each step. Each of the additions, over members
        and steps, may be off by a unit in the last place of all money that can flow.
        """
        flow_kwh = np.abs(self.load_kwh).sum(axis=0) + np.abs(self.pv_kwh).sum(axis=0)
        if self.metered_kwh is not None:
            flow_kwh += np.abs(self.metered_kwh).sum(axis=0)
        powers_kw = np.maximum(self.storage.charge_power_kw, self.storage.discharge_power_kw)
        flow_kwh += sum(powers_kw.tolist()) * self.steps.step_hours
        price = np.maximum(np.abs(self.buy_per_kwh), np.abs(self.sell_per_kwh))
        money = price @ flow_kwh
        for charge in self.peak_charges:
            money += charge.price_per_kw / self.steps.step_hours * flow_kwh[charge.steps].max()
        if self.billing is not None:
            money += self.billing.turnover(flow_kwh, self.steps.step_hours)
        additions = len(self.members) + self.steps.n_steps
        return float(np.finfo(np.float64).eps * additions * money)

    @property
    def beyond_a_pool(self) -> list[str]:
        """What there is of storage that one pooled battery cannot stand for, in words."""
        storage = self.storage
        features = {
            "storage to buy": len(self.offers) > 0,
            GENERATION_TO_BUY: len(self.generation) > 0,
            "batteries of different efficiencies": len(storage.efficiencies) > 1,
            "batteries of different degradation costs": len(storage.degradation_costs) > 1,
            "batteries that come or go": self.has_passing_batteries,
            AT_ONCE: bool(self.choices.any()),
        }
        return [name for name, is_there in features.items() if is_there]

    @cached_property
    def choices(self) -> NDArray[np.bool_]:
        """In which steps storage has to choose between charging and discharging, shape (T,).

        Elsewhere no least cost has both: energy that is lost has a price above 0. It may have none
        where it is sold for nothing or less, or where a limit of what is fed in can bind.
        """
        if not (self.exclusive and (self.storage.usable.size or len(self.offers))):
            return np.zeros(self.steps.n_steps, dtype=np.bool_)
        free = np.minimum(self.buy_per_kwh, self.sell_per_kwh) <= 0
        for reached in (self.binding.grid_export, *self.binding.flows):
            free |= reached
        return free

    @property
    def has_passing_batteries(self) -> bool:
        """Whether a battery comes or goes within the steps."""
        there = self.storage.part(self.storage.usable)
        return bool((there.first_step > 0).any() or (there.end_step < self.steps.n_steps).any())

    @property
    def beyond_a_step(self) -> list[str]:
        """What the grid charges or limits that no recursion has, in words.

        Where PV may be left unused so that more can be bought at a negative price, it depends on
        all peaks at once, and on a limit of import, up to what import that pays.
        """
        n_charges = np.zeros(self.steps.n_steps, dtype=np.intp)
        for charge in self.peak_charges:
            n_charges[charge.steps] += 1
        n_bounds = np.where(n_charges > 0, n_charges + np.isfinite(self.import_limit_kw), 0)
        paid = (self.buy_per_kwh < 0) & (self.curtailable_kwh > 0).any(axis=0)
        features = {
            "peaks charged beside others where unused PV lets more be bought at a negative price": (
                bool((paid & (n_bounds > 1)).any())
            ),
            "connection limits": self._flows_bind(is_own=True),
            "lines": self._flows_bind(is_own=False),
        }
        return [name for name, is_there in features.items() if is_there]

    def _flows_bind(self, *, is_own: bool) -> bool:
        """Return whether a limit of connections, or of lines, can bind."""
        limits = zip(self.flow_limits, self.binding.flows, strict=True)
        return any(steps.any() for limit, steps in limits if limit.is_own == is_own)

    @property
    def limits_of_nobody(self) -> list[str]:
        """The limits of what coalitions exchange with the grid, in words: those that matter."""
        features = {
            "an import limit": self.binding.grid_import.any(),
            "an export limit": self.binding.grid_export.any(),
        }
        return [name for name, is_there in features.items() if is_there]

    @property
    def idle_limits(self) -> str:
        """The limits that can bind for no coalition, in words; empty if there are none."""
        binding, own = self.binding, [limit.is_own for limit in self.flow_limits]
        grid = [
            (self.import_limit_kw, binding.grid_import, "the import limit"),
            (self.export_limit_kw, binding.grid_export, "the export limit"),
        ]
        idle = [name for limit, at, name in grid if np.isfinite(limit) and not at.any()]
        for is_own, kind in ((True, "connection limit"), (False, "line")):
            steps = [at for at, of in zip(binding.flows, own, strict=True) if of == is_own]
            unused = sum(not at.any() for at in steps)
            if unused:
                idle.append(f"{unused} of {count(len(steps), kind)}")
        return f"no group can reach {', '.join(idle)}" if idle else ""

    @property
    def keeps_limits_without_storage(self) -> bool:
        """Whether every coalition can keep all limits in each step.

        The one that draws most has all whose net load is positive; the one that has to feed in
        most, when it uses no PV, all whose load is negative.
        """
        hours, net = self.steps.step_hours, self.net_load_kwh
        drawn = np.maximum(net, 0.0)
        fed_in = -np.minimum(net + self.curtailable_kwh, 0.0)
        everybody = np.ones(len(self.members), dtype=np.bool_)
        limits = [
            (everybody, self.import_limit_kw, self.export_limit_kw),
            *((each.behind, each.limit_kw, each.limit_kw) for each in self.flow_limits),
        ]
        return all(
            drawn[behind].sum(axis=0).max() <= most_in * hours
            and fed_in[behind].sum(axis=0).max() <= most_out * hours
            for behind, most_in, most_out in limits
        )


@dataclass(frozen=True, eq=False)
class Dispatch(ByValue):
    """What a coalition does in each step, energy in kWh, arrays of shape (T,).

    Attributes
    ----------
    net_load_kwh : ndarray
        Of all its members.
    charge_kwh, discharge_kwh : ndarray
        At the terminals of the storage.
    state_of_charge_kwh : ndarray of shape (T + 1,)
        What is stored at the beginning, and after each step.
    grid_import_kwh, grid_export_kwh : ndarray
        Bought and sold.
    cost : float
        Of the whole period.
    purchases : dict of str to tuple of float
        Of each offer, by name, the capacity in kWh and the power in kW that are bought.
    burnt_kwh : ndarray
        What storage loses because it charges and discharges in the same step.
    generators_kw : dict of str to float
        Of each offer of generation, by name, the power that is bought.
    bought_generation_kwh : ndarray, optional
        What these generate; nothing by default.
    """

    net_load_kwh: NDArray[np.float64]
    charge_kwh: NDArray[np.float64]
    discharge_kwh: NDArray[np.float64]
    state_of_charge_kwh: NDArray[np.float64]
    grid_import_kwh: NDArray[np.float64]
    grid_export_kwh: NDArray[np.float64]
    cost: float
    purchases: dict[str, tuple[float, float]]
    burnt_kwh: NDArray[np.float64]
    generators_kw: dict[str, float] = field(default_factory=dict)
    bought_generation_kwh: NDArray[np.float64] | None = None


def burnt(
    charge_kwh: NDArray[np.float64],
    discharge_kwh: NDArray[np.float64],
    charge_efficiency: float,
    discharge_efficiency: float,
) -> NDArray[np.float64]:
    """Return the energy that storage loses because it charges and discharges in the same step.

    What it draws, less what would bring it to the same charge by one of both alone; shape (T,).
    """
    stored = charge_efficiency * charge_kwh - discharge_kwh / discharge_efficiency
    alone = np.where(stored > 0, stored / charge_efficiency, stored * discharge_efficiency)
    both = np.minimum(charge_kwh, discharge_kwh) > 0
    lost: NDArray[np.float64] = np.where(both, charge_kwh - discharge_kwh - alone, 0.0)
    return lost
