"""What every market mechanism returns: who gets what, and who pays what for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import AllocationError
from sesgame.files.json_text import plain
from sesgame.formatting import html_table, left_out, text_table
from sesgame.game.allocation import checked_values
from sesgame.game.by_value import ByValue
from sesgame.game.players import Players
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Settlement"]

ROUNDING = 1e-11
"""Part of the largest sum of money that is rounding, as far as the tolerance goes."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Settlement(ByValue):
    """The outcome of a market and its payments; positive = the participant pays.

    Parameters
    ----------
    participants : Players
        Who takes part, in the order of the arrays.
    payments : array_like of float, shape (n,)
        What each participant pays; negative where it is paid.
    values : array_like of float, shape (n,)
        What the outcome is worth to each participant by its own report: the value of what it
        gets, minus the cost of what it delivers.
    method : str
        The mechanism, for example ``"vcg"``.
    outside : mapping of str to (float, float)
        Those who are touched by the outcome but do not bid: what it is worth to them, and what
        they pay. A fixed load, for example.
    best_welfare : float or None
        The largest welfare that any outcome reaches, by the reports; None where the mechanism
        does not need to know it.
    tolerance : float
        Absolute precision of all sums of money. Within it, payments and values that are rounding
        of the largest of them (1e-13 beside 100) are made zero.
    rule : callable, optional
        The mechanism itself, from market to settlement: what a misreport is tried on. That of
        this package has a name, too.
    """

    participants: Players
    payments: NDArray[np.float64]
    values: NDArray[np.float64]
    method: str
    outside: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict)
    best_welfare: float | None = None
    tolerance: float = 0.0
    rule: Callable[[Any], Settlement] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.participants, Players):
            object.__setattr__(self, "participants", Players(self.participants))
        for name in ("payments", "values"):
            object.__setattr__(self, name, checked_values(self.participants, getattr(self, name)))
        outside = {name: (value, paid) for name, (value, paid) in self.outside.items()}
        object.__setattr__(self, "outside", MappingProxyType(outside))
        self._drop_rounding()

    def _drop_rounding(self) -> None:
        """Make zero of sums of money that are rounding of much larger ones."""
        largest = self._largest()
        limit = min(self.tolerance, largest if largest <= self.tolerance else ROUNDING * largest)
        every = np.concatenate([self.payments, self.values, *map(list, self.outside.values())])
        if not (np.abs(every[every != 0]) <= limit).any():
            return
        for name in ("payments", "values"):
            amounts = np.where(np.abs(getattr(self, name)) <= limit, 0.0, getattr(self, name))
            amounts.setflags(write=False)
            object.__setattr__(self, name, amounts)
        kept = {
            name: tuple(0.0 if abs(amount) <= limit else amount for amount in pair)
            for name, pair in self.outside.items()
        }
        object.__setattr__(self, "outside", MappingProxyType(kept))

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "outside": dict(self.outside)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({**state, "outside": MappingProxyType(state["outside"])})

    @property
    def of_market(self) -> Any:
        """The market that was settled; None where nobody says which."""
        return None

    @property
    def utilities(self) -> NDArray[np.float64]:
        """Value minus payment of each participant, by its own report; shape (n,)."""
        return self.values - self.payments

    @property
    def welfare(self) -> float:
        """The value of the outcome to everybody, the outside included."""
        return float(self.values.sum()) + sum(value for value, _ in self.outside.values())

    @property
    def consumed(self) -> NDArray[np.float64]:
        """What each participant, and then each of the outside, consumes."""
        raise AllocationError(f"nothing is known of consumption under {self.method!r}")

    def __getitem__(self, participant: Hashable) -> float:
        """Return what a participant pays."""
        return float(self.payments[self.participants.index(participant)])

    def to_dict(self) -> dict[str, Any]:
        """Return everything in the types that JSON knows; payments and values by label."""
        labels = [str(participant) for participant in self.participants]
        result = {
            field.name: plain(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if field.name not in ("participants", "rule")
        }
        result["payments"] = dict(zip(labels, self.payments.tolist(), strict=True))
        result["values"] = dict(zip(labels, self.values.tolist(), strict=True))
        result["welfare"] = self.welfare
        result["rule"] = None if self.rule is None else _name_of(self.rule)
        return result

    def to_pandas(self) -> pd.DataFrame:
        """Return payment, value and utility by participant (extra ``pandas``)."""
        with needs("pandas", "frames need pandas"):
            import pandas as pd

        return pd.DataFrame(
            {"payment": self.payments, "value": self.values, "utility": self.utilities},
            index=list(self.participants),
        )

    def __repr__(self) -> str:
        head = (
            f"{type(self).__name__}(method={self.method!r}, welfare={self.welfare:.6g}, "
            f"paid in total={self._shown(self.payments.sum())})"
        )
        table = text_table([["participant", "pays", "value", "utility"], *self._rows()])
        return "\n".join([head, *(f"  {line}" for line in [*table, *self._missing()])])

    def _repr_html_(self) -> str:
        note = " ".join(self._missing())
        return html_table([self.method, "pays", "value", "utility"], self._rows(), note=note)

    def _rows(self) -> list[list[str]]:
        """Return the participants that are listed, and everybody who is outside."""
        shown = len(self.participants) - left_out(len(self.participants))
        columns = zip(self.participants, self.payments[:shown], self.values[:shown], strict=False)
        rows = [(str(label), float(payment), float(value)) for label, payment, value in columns]
        rows += [(name, payment, value) for name, (value, payment) in self.outside.items()]
        return [
            [label, *map(self._shown, (payment, value, value - payment))]
            for label, payment, value in rows
        ]

    def _shown(self, amount: float) -> str:
        """Return a sum of money in six figures; what is rounding is nothing."""
        return f"{0.0 if self.is_rounding(amount) else float(amount):.6g}"

    def is_rounding(self, amount: float) -> bool:
        """Return whether a sum of this settlement's money is nothing but rounding."""
        n = len(self.payments) + len(self.outside)
        return bool(abs(amount) <= min(self.tolerance, ROUNDING * self._largest()) * n)

    def _largest(self) -> float:
        """Return the largest payment, or worth to a participant.

        Not what fixed loads are worth, which is whatever somebody takes for their value.
        """
        paid = [payment for _, payment in self.outside.values()]
        return float(np.abs(np.concatenate([self.payments, self.values, paid])).max(initial=0.0))

    def _missing(self) -> list[str]:
        missing = left_out(len(self.participants))
        return [f"... and {missing:,} more participants"] if missing else []


def _name_of(rule: Callable[[Any], Settlement]) -> str:
    """Return what a rule is called: never an address in memory, which says nothing."""
    for attribute in ("name", "__name__"):
        name = getattr(rule, attribute, None)
        if isinstance(name, str):
            return name
    return type(rule).__name__
