"""Every component class, attribute and option of PyPSA: used, harmless, or refused.

What is not listed here is refused where a network has it, so that a release of PyPSA that brings
something new is not read wrong. A test walks the catalogue of PyPSA itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import GameError

if TYPE_CHECKING:
    import pandas as pd
    import pypsa

__all__ = [
    "COMPONENTS",
    "CONSTRAINTS",
    "OPTIONS",
    "OWNABLE",
    "PASSIVE",
    "check_network",
    "check_options",
]


@dataclass(frozen=True)
class Attributes:
    """What the attributes of a component class are to a game.

    ``used`` are those that PyPSA's model depends on, ``harmless`` those that it does not.
    ``refused`` are those with a reason not to take them. Results of a solve are harmless.
    """

    used: frozenset[str]
    harmless: frozenset[str]
    refused: dict[str, str]
    results: frozenset[str]

    def __contains__(self, name: str) -> bool:
        return name in self.used | self.harmless | self.results or name in self.refused


def _attributes(
    used: str = "", harmless: str = "", results: str = "", refused: dict[str, str] | None = None
) -> Attributes:
    return Attributes(
        frozenset(used.split()),
        frozenset(harmless.split()),
        refused or {},
        frozenset(results.split()),
    )


_LIFE = "active build_year lifetime"
_INVESTMENT = "capital_cost overnight_cost discount_rate fom_cost"
_OPERATION = "marginal_cost marginal_cost_quadratic"
_COMMITMENT = (
    "committable maintainable maintenance_duration maintenance_pu maintenance_events start_up_cost "
    "shut_down_cost stand_by_cost min_up_time min_down_time up_time_before down_time_before "
    "ramp_limit_up ramp_limit_down ramp_limit_start_up ramp_limit_shut_down p_init"
)
_COMMITTED = (
    "status start_up shut_down maintenance maintenance_start mu_p_set mu_ramp_limit_up "
    "mu_ramp_limit_down"
)
_PIECEWISE = "capital_cost_piecewise_opt marginal_cost_piecewise_opt"


def _nominal(letter: str) -> str:
    return " ".join(
        f"{letter}_nom{ending}" for ending in ("", "_mod", "_extendable", "_min", "_max", "_set")
    )


_ANGLE = {"v_ang_min": "PyPSA ignores it; v_ang_max holds in both directions"}
_BRANCH_RESULTS = (
    "sub_network p0 q0 p1 q1 x_pu r_pu g_pu b_pu x_pu_eff r_pu_eff s_nom_opt mu_lower mu_upper "
    "capital_cost_piecewise_opt"
)

COMPONENTS = {
    "Bus": _attributes(
        "name v_nom carrier",
        "type x y unit location v_mag_pu_set v_mag_pu_min v_mag_pu_max",
        "control generator sub_network p q v_mag_pu v_ang marginal_price",
    ),
    "Carrier": _attributes("name co2_emissions max_growth max_relative_growth", "color nice_name"),
    "Generator": _attributes(
        f"name bus carrier sign efficiency p_min_pu p_max_pu p_set e_sum_min e_sum_max "
        f"{_nominal('p')} {_OPERATION} {_INVESTMENT} {_COMMITMENT} {_LIFE}",
        "control type q_set weight",
        f"p q p_nom_opt mu_upper mu_lower {_COMMITTED} {_PIECEWISE}",
    ),
    "Load": _attributes("name bus p_set sign active", "carrier type q_set", "p q"),
    "Link": _attributes(
        f"name bus0 bus1 carrier efficiency delay cyclic_delay p_min_pu p_max_pu p_set length "
        f"{_nominal('p')} {_OPERATION} {_INVESTMENT} {_COMMITMENT} {_LIFE}",
        "type terrain_factor",
        f"p p0 p1 p_nom_opt mu_upper mu_lower {_COMMITTED} {_PIECEWISE}",
    ),
    "Process": _attributes(
        f"name bus0 bus1 carrier rate0 rate1 delay0 delay1 cyclic_delay0 cyclic_delay1 p_min_pu "
        f"p_max_pu p_set {_nominal('p')} {_OPERATION} {_INVESTMENT} {_COMMITMENT} {_LIFE}",
        "type length terrain_factor",
        f"p p0 p1 p_nom_opt mu_upper mu_lower {_COMMITTED} {_PIECEWISE}",
    ),
    "Store": _attributes(
        f"name bus carrier sign e_min_pu e_max_pu e_initial e_initial_per_period e_cyclic "
        f"e_cyclic_per_period p_set e_set standing_loss marginal_cost_storage {_nominal('e')} "
        f"{_OPERATION} {_INVESTMENT} {_LIFE}",
        "type q_set",
        f"p q e e_nom_opt mu_upper mu_lower mu_energy_balance {_PIECEWISE}",
    ),
    "StorageUnit": _attributes(
        f"name bus carrier sign p_min_pu p_max_pu p_set p_dispatch_set p_store_set max_hours "
        f"state_of_charge_initial state_of_charge_initial_per_period state_of_charge_set "
        f"cyclic_state_of_charge cyclic_state_of_charge_per_period efficiency_store "
        f"efficiency_dispatch standing_loss inflow spill_cost marginal_cost_storage "
        f"{_nominal('p')} {_OPERATION} {_INVESTMENT} {_LIFE}",
        "control type q_set",
        f"p p_dispatch p_store q state_of_charge spill p_nom_opt mu_upper mu_lower "
        f"mu_state_of_charge_set mu_energy_balance {_PIECEWISE}",
    ),
    "Line": _attributes(
        f"name bus0 bus1 type carrier x r length num_parallel s_max_pu v_ang_max "
        f"{_nominal('s')} {_INVESTMENT} {_LIFE}",
        "g b terrain_factor",
        f"{_BRANCH_RESULTS} v_nom",  # a column that a solve adds, from the buses
        _ANGLE,
    ),
    "Transformer": _attributes(
        f"name bus0 bus1 type model x r g b num_parallel tap_ratio tap_position phase_shift "
        f"phase_shift_min phase_shift_max s_max_pu v_ang_max {_nominal('s')} {_INVESTMENT} {_LIFE}",
        "tap_side",
        f"{_BRANCH_RESULTS} phase_shift_opt",
        _ANGLE,
    ),
    "GlobalConstraint": _attributes(
        "name type investment_period bus carrier_attribute sense constant", results="mu"
    ),
    "LineType": _attributes(
        "name r_per_length x_per_length",
        "f_nom c_per_length i_nom mounting cross_section references",
    ),
    "TransformerType": _attributes(
        "name s_nom vsc vscr pfe i0 phase_shift tap_neutral tap_step",
        "f_nom v_nom_0 v_nom_1 tap_side tap_min tap_max references",
    ),
    "ShuntImpedance": _attributes("", "name bus g b sign active", "p q g_pu b_pu v_nom"),
    "Shape": _attributes("", "name geometry component idx type"),
    "SubNetwork": _attributes(results="name carrier slack_bus obj"),
}
"""The component classes. Linear optimisation in PyPSA knows no shunt impedances, shapes and
sub-networks."""

PORTS = {
    "Link": r"(bus|efficiency|delay|cyclic_delay)\d+|p\d+",
    "Process": r"(bus|rate|delay|cyclic_delay)\d+|p\d+",
}
"""Attributes of the further ports of links and processes: used, as are those of the first two."""

OWNABLE = ("Generator", "Load", "StorageUnit", "Store", "Link", "Process")
"""The classes whose every component needs an owner, or to be shared."""

PASSIVE = ("Line", "Transformer")
"""The classes whose components may have owners, and are shared otherwise."""

CONSTRAINTS = (
    "primary_energy",
    "operational_limit",
    "tech_capacity_expansion_limit",
    "transmission_volume_expansion_limit",
    "transmission_expansion_cost_limit",
)
"""The types of global constraints; PyPSA ignores others."""

WEIGHTINGS = {
    "snapshot_weightings": ("objective", "stores", "generators"),
    "investment_period_weightings": ("objective", "years"),
}

_SOLVER = "HiGHS solves each coalition, on a thread of its own, with the options of sesgame"

OPTIONS: dict[str, str | None] = {
    "multi_investment_periods": None,
    "transmission_losses": None,
    "linearized_unit_commitment": None,
    "extra_functionality": None,
    "committable_big_m": None,
    "meshed_thresholds": None,
    "piecewise_options": None,
    "cycle_basis_method": None,
    "model_kwargs": None,
    "snapshots": "it is an argument of its own",
    "include_objective_constant": "the capital cost of what is there already is nobody's choice",
    "assign_all_duals": "nothing is written back into the network",
    "solver_name": _SOLVER,
    "solver_options": _SOLVER,
    "log_to_console": _SOLVER,
    "compute_infeasibilities": _SOLVER,
    "kwargs": _SOLVER,
}
"""The options of ``network.optimize``: passed on, or why not."""


def check_network(
    network: pypsa.Network, ignored: Collection[str], owner_column: str | None
) -> None:
    """Refuse what is in a network and on no list.

    Raises
    ------
    GameError
        The network has a component class, an attribute, a type of global constraint or a weighting
        that is not listed, or an attribute that is refused.
    """
    unread = frozenset(ignored) | ({owner_column} if owner_column else set())
    emissions = set(network.components["GlobalConstraint"].static["carrier_attribute"])
    for column in network.components["Bus"].static.columns:
        if str(column).startswith("nom_"):
            raise GameError(
                f"Bus.{column} limits capacities; PyPSA has deprecated that: use a "
                f"GlobalConstraint of the type tech_capacity_expansion_limit"
            )
    for components in network.components:
        kind, static = components.name, components.static
        if static.empty:
            continue
        if kind not in COMPONENTS:
            raise GameError(
                f"the network has components of the class {kind!r}, which sesgame does not know; "
                f"it knows {', '.join(COMPONENTS)}"
            )
        more = unread | emissions if kind == "Carrier" else unread
        for name, values in _columns(components):
            _check_attribute(kind, name, values, components.defaults, more)
    types = network.components["GlobalConstraint"].static["type"]
    for name, kind in types.items():
        if kind not in CONSTRAINTS and kind not in unread:
            raise GameError(
                f"the GlobalConstraint {name!r} has the type {kind!r}, which PyPSA ignores; the "
                f"types are {', '.join(CONSTRAINTS)}; name it in ignored if extra_functionality "
                f"reads it"
            )
    for name, known in WEIGHTINGS.items():
        for column in getattr(network, name).columns:
            if column not in known and column not in unread:
                raise GameError(
                    f"{name} has a column {column!r}; PyPSA knows {', '.join(known)}; name it in "
                    f"ignored if it is to have no effect"
                )


def _columns(components: Any) -> Iterator[tuple[str, pd.Series | pd.DataFrame]]:
    """Yield the name and the values of each attribute that components have."""
    for name in components.static.columns:
        yield str(name), components.static[name]
    for frames in (components.dynamic, getattr(components, "piecewise", {})):
        for name, frame in frames.items():
            if not frame.empty:
                yield str(name), frame


def _check_attribute(
    kind: str,
    name: str,
    values: pd.Series | pd.DataFrame,
    defaults: pd.DataFrame,
    unread: Collection[str],
) -> None:
    attributes = COMPONENTS[kind]
    default = defaults["default"].get(name)
    if name in attributes.refused:
        if not _is_default(values, default):
            raise GameError(f"{kind}.{name} is set: {attributes.refused[name]}; unset it")
    elif name in attributes or name in unread or re.fullmatch(PORTS.get(kind, "(?!)"), name):
        return
    elif name not in defaults.index:
        raise GameError(
            f"{kind}.{name} is no attribute of PyPSA, which ignores it; name it in ignored if it "
            f"is to have no effect, or in owners if it says whose a component is"
        )
    elif not _is_default(values, default):
        raise GameError(
            f"{kind}.{name} is set: sesgame does not know this attribute of PyPSA; unset it, or "
            f"name it in ignored if it is to have no effect"
        )


def _is_default(values: pd.Series | pd.DataFrame, default: Any) -> bool:
    """Return whether all values are the default, where NaN and no text are none."""
    array = np.ravel(values.to_numpy(dtype=object))
    return all(
        value == default or value == "" or value is None or value != value for value in array
    )


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse options of ``network.optimize`` that a game does not take.

    Raises
    ------
    GameError
        An option is not known, or not passed on.
    """
    for name in options:
        reason = OPTIONS.get(name, "")
        if reason is not None:
            taken = ", ".join(option for option, refusal in OPTIONS.items() if refusal is None)
            raise GameError(
                f"the option {name!r} is not passed to PyPSA"
                f"{f': {reason}' if reason else ''}; {taken} are"
            )
