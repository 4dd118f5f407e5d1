"""What a Pyomo model can hold, and which of it a game can have.

The lists are of Pyomo 6.8 to 6.10. A test compares them with the components that the installed
release has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sesgame.adapters.foreign_fields import Fields, harmless, refuse, refused, used

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

__all__ = ["COMPONENTS", "SUFFIXES", "check_fields"]

_DISJUNCTION = refused("make a linear model of it first: TransformationFactory('gdp.bigm')")
_DERIVATIVE = refused("discretise it first: TransformationFactory('dae.finite_difference')")
_SCHEDULE = refused("no linear model has it; write it with binary variables")
_ACTION = harmless("has run while the model was built")

COMPONENTS: Fields = {
    "Var": used("a continuous, integer, binary or semi-continuous domain; a fixed one is a number"),
    "Constraint": used("linear ones"),
    "Objective": used("the one that is active, linear"),
    "Expression": used("where a constraint or the objective uses it"),
    "Param": used("with its value of this moment"),
    "Block": used("what is active in it"),
    "Set": harmless("indices"),
    "RangeSet": harmless("indices"),
    "SetOf": harmless("indices"),
    "ContinuousSet": harmless("indices; a derivative over it is refused"),
    "ExternalFunction": harmless("where it is used, the model is not linear and refused"),
    "BooleanVar": harmless("counts in logical constraints alone, which are refused"),
    "Port": harmless("a bundle of variables; an arc between two is refused"),
    "BuildAction": _ACTION,
    "BuildCheck": _ACTION,
    "Suffix": harmless("if its name is on the list of suffixes, or if it is not for solvers"),
    "SOSConstraint": refused(
        "HiGHS has no special ordered sets; write it with binary variables, and a Piecewise with "
        "pw_repn='INC'"
    ),
    "Piecewise": used("a block; with pw_repn='SOS2', the default, it holds a SOSConstraint"),
    "PiecewiseLinearFunction": refused(
        "make a linear model of it first: "
        "TransformationFactory('contrib.piecewise.disaggregated_logarithmic')"
    ),
    "Complementarity": refused(
        "make a linear model of it first: TransformationFactory('mpec.simple_disjunction'), then "
        "'gdp.bigm'"
    ),
    "ComplementarityList": refused("as Complementarity"),
    "Disjunct": _DISJUNCTION,
    "Disjunction": _DISJUNCTION,
    "LogicalConstraint": refused(
        "make a linear model of it first: TransformationFactory('core.logical_to_linear')"
    ),
    "Arc": refused("expand it first: TransformationFactory('network.expand_arcs')"),
    "Connector": refused("expand it first: TransformationFactory('core.expand_connectors')"),
    "DerivativeVar": _DERIVATIVE,
    "Integral": _DERIVATIVE,
    "IntervalVar": _SCHEDULE,
    "SequenceVar": _SCHEDULE,
}
"""Kinds of components (``ctype``) that are refused only where they are active."""

SUFFIXES: Fields = dict.fromkeys(
    ["dual", "rc", "slack", "urc", "lrc"], harmless("a result of a solver")
) | {
    "scaling_factor": harmless("a hint to solvers on their numbers"),
    "priority": harmless("a hint on the order of branching"),
    "direction": harmless("a hint on the order of branching"),
    "BigM": harmless("of the transformation that has been applied"),
    "sosno": refused("HiGHS has no special ordered sets; write them with binary variables"),
    "ref": refused("HiGHS has no special ordered sets; write them with binary variables"),
}
"""Suffixes by name, where they hold something for a solver (EXPORT)."""


def check_fields(model: ConcreteModel) -> None:
    """Refuse a model that holds what a game cannot have, or what is on no list.

    Raises
    ------
    GameError
        Such a component is there and active; with its name.
    """
    for block in model.block_data_objects(active=True, descend_into=True):
        for kind in block.collect_ctypes(active=None, descend_into=False):
            name = _name(kind)
            field = COMPONENTS.get(name)
            if name == "Suffix":
                _check_suffixes(block, kind)
            elif field is None or field.is_refused:
                for component in _active(block, kind, field is not None):
                    refuse(COMPONENTS, name, f"{component.name!r} of the Pyomo model")


def _name(kind: type) -> str:
    """Return the name of a kind of component; that of another package is not one of Pyomo's."""
    is_own = kind.__module__.partition(".")[0] == "pyomo"
    return kind.__name__ if is_own else f"{kind.__module__}.{kind.__qualname__}"


def _active(block: Any, kind: type, is_known: bool) -> Iterator[Any]:
    """Yield components that are active, or that can be nothing else."""
    from pyomo.core.base.component import ActiveComponent

    for component in block.component_objects(kind, active=None, descend_into=False):
        if not isinstance(component, ActiveComponent):
            yield component
        elif component.active:
            # One over no indices holds nothing, if its data are all that it has.
            data = list(component.values()) if hasattr(component, "values") else []
            if any(one.active for one in data) or not (data or is_known):
                yield component


def _check_suffixes(block: Any, kind: type) -> None:
    for suffix in block.component_objects(kind, active=True, descend_into=False):
        field = SUFFIXES.get(suffix.local_name)
        if suffix.export_enabled() and len(suffix) and (field is None or field.is_refused):
            refuse(SUFFIXES, suffix.local_name, f"the suffix {suffix.name!r} of the Pyomo model")
