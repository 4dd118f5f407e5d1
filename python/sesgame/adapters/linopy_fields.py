"""What a linopy model can hold, and which of it a game can have.

The lists are of linopy 0.7 to 0.10. A test compares them with what the installed release has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sesgame.adapters.foreign_fields import Fields, harmless, refuse, refused, used

if TYPE_CHECKING:
    import linopy

__all__ = ["CONSTRAINT", "MODEL", "OBJECTIVE", "VARIABLE", "check_fields"]

_SOS = refused(
    "HiGHS has no special ordered sets; model.apply_sos_reformulation() makes binary variables "
    "of them"
)
_INDICATOR = refused(
    "HiGHS has no indicator constraints; write each as a linear one with a bound times its binary "
    "variable"
)
_COUNTER = harmless("numbers and names for what is added next")
_RESULT = harmless("the result of a solve, which is not read")
_BUILDING = harmless("how the model is built and written")

MODEL: Fields = {
    "variables": used("see the list of a variable"),
    "constraints": used("see the list of a constraint"),
    "objective": used("see the list of the objective"),
    "piecewise_formulations": used("the variables and constraints that each consists of"),
    "sos_reformulation_state": used("the binary variables in the place of special ordered sets"),
    "matrices": used("the arrays of the model, made anew"),
    "relaxed_registry": used("a relaxed integer variable is continuous"),
    "expressions": harmless("named expressions; what uses one counts there"),
    "parameters": harmless("data that the model carries along"),
    "blocks": harmless("a partition for solvers that decompose"),
    "solution": _RESULT,
    "dual": _RESULT,
    "status": _RESULT,
    "termination_condition": _RESULT,
    "solver": _RESULT,
    "solver_model": _RESULT,
    "solver_name": _RESULT,
    "xCounter": _COUNTER,
    "cCounter": _COUNTER,
    "varnameCounter": _COUNTER,
    "exprnameCounter": _COUNTER,
    "connameCounter": _COUNTER,
    "pwlCounter": _COUNTER,
    "dtypes": _BUILDING,
    "chunk": _BUILDING,
    "force_dim_names": _BUILDING,
    "auto_mask": _BUILDING,
    "freeze_constraints": _BUILDING,
    "sparse": _BUILDING,
    "set_names_in_solver_io": _BUILDING,
    "solver_dir": _BUILDING,
}
"""What a model has (``linopy.Model.__slots__``)."""

VARIABLE: Fields = {
    "labels": used("which columns; a masked entry is no column"),
    "lower": used("lower bounds"),
    "upper": used("upper bounds"),
    "scaling": used("taken back: values are in the units of the model"),
    "binary": used("0 or 1"),
    "integer": used("integers"),
    "semi_continuous": used("0, or within the bounds"),
    "sos_type": _SOS,
    "sos_dim": _SOS,
    "big_m_upper": _SOS,
    "stashed_lower": harmless("the bound before the variable was fixed"),
    "stashed_upper": harmless("the bound before the variable was fixed"),
    "blocks": harmless("a partition for solvers that decompose"),
    "solution": _RESULT,
    "name": harmless("for messages"),
    "label_range": harmless("which labels it got"),
}
"""What a variable has: the fields of ``Variable.data``, and its ``attrs``."""

CONSTRAINT: Fields = {
    "labels": used("which rows; a masked entry is no row"),
    "coeffs": used("coefficients"),
    "vars": used("the variables of the coefficients; a masked one is no term"),
    "sign": used("=, <= or >="),
    "rhs": used("right-hand sides"),
    "slack_positive": used("a softened constraint: a variable, and its penalty in the objective"),
    "slack_negative": used("as slack_positive"),
    "binary_var": _INDICATOR,
    "binary_val": _INDICATOR,
    "is_indicator": _INDICATOR,
    "scaling": harmless("a row times a number is the same row"),
    "blocks": harmless("a partition for solvers that decompose"),
    "dual": _RESULT,
    "name": harmless("for messages"),
    "label_range": harmless("which labels it got"),
}
"""What a constraint has: the fields of ``Constraint.data``, and its ``attrs``."""

CONSTRAINT_ROWS: Fields = {
    "csr": used("coefficients"),
    "rhs": used("right-hand sides"),
    "sign": used("=, <= or >="),
    "slack": used("a softened constraint: a variable, and its penalty in the objective"),
    "binvar_labels": _INDICATOR,
    "binval": _INDICATOR,
    "scaling": harmless("a row times a number is the same row"),
    "active_positions": harmless("which rows are not masked"),
    "con_labels": harmless("which rows are not masked"),
    "positional_cache": harmless("the coefficients once more"),
    "grid": harmless("dimensions and coordinates"),
    "coords": harmless("dimensions and coordinates"),
    "model": harmless("the model"),
    "name": harmless("for messages"),
    "cindex": harmless("which labels it got"),
    "dual": _RESULT,
}
"""What a frozen constraint has (``linopy.constraints.CSRConstraint.__slots__``)."""

OBJECTIVE: Fields = {
    "expression": used("a linear or quadratic expression, with its constant"),
    "sense": used("min makes a cost game, max a gain game"),
    "scaling": used("taken back: values are in the units of the model"),
    "model": harmless("the model"),
    "value": _RESULT,
}
"""What the objective has (``linopy.Objective.__slots__``)."""


def check_fields(model: linopy.Model) -> None:
    """Refuse a model that holds what a game cannot have, or what is on no list.

    Raises
    ------
    GameError
        Such a field is there; with its name, and that of its variable or constraint.
    """
    _check(MODEL, _slots(model), "the linopy model")
    for name, variable in model.variables.items():
        _check(VARIABLE, _data(variable.data), f"the linopy variable {name!r}")
    for name, constraint in model.constraints.items():
        where = f"the linopy constraint {name!r}"
        if _is_frozen(constraint):
            _check(CONSTRAINT_ROWS, _slots(constraint), where)
        else:
            _check(CONSTRAINT, _data(constraint.data), where)
    _check(OBJECTIVE, _slots(model.objective), "the objective of the linopy model")


def _check(fields: Fields, there: Iterator[tuple[str, Any]], where: str) -> None:
    for name, value in there:
        field = fields.get(name)
        if (field is None or field.is_refused) and _holds_something(value):
            refuse(fields, name, where)


def _is_frozen(constraint: Any) -> bool:
    """Return whether a constraint is kept as rows; its data would have to be made from them."""
    return "_csr" in {slot for kind in type(constraint).__mro__ for slot in _own_slots(kind)}


def _own_slots(kind: type) -> tuple[str, ...]:
    slots = kind.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _slots(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of an object of linopy, by their names without an underscore."""
    names = [slot for kind in type(thing).__mro__ for slot in _own_slots(kind)]
    for name in [*names, *getattr(thing, "__dict__", ())]:
        if not name.startswith("__"):
            yield name.removeprefix("_"), getattr(thing, name, None)


def _data(data: Any) -> Iterator[tuple[str, Any]]:
    """Yield the fields and the attributes of a dataset."""
    for name in data.data_vars:
        # A constraint on single variables keeps the constant of its left-hand side, which is none.
        is_there = bool(data[name].fillna(0).any()) if name == "const" else data[name].size > 0
        yield str(name).removeprefix("_"), is_there
    for name, value in data.attrs.items():
        yield str(name).removeprefix("_"), value


def _holds_something(value: Any) -> bool:
    """Return whether a field has a value: not None, False, 0, or empty."""
    if value is None or getattr(value, "size", 1) == 0:
        return False
    try:
        return bool(value)
    except ValueError:  # of several numbers, which has no truth value
        return True
