"""What a supplier bills: lines that add up."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from sesgame.formatting import count, text_table
from sesgame.game.by_value import ByValue
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Bill", "BillLine", "LineKind"]

LineKind = Literal["energy", "feed-in", "demand charge", "fee", "minimum bill", "tax"]


@dataclass(frozen=True, kw_only=True)
class BillLine:
    """A line of a bill.

    Attributes
    ----------
    kind : {"energy", "feed-in", "demand charge", "fee", "minimum bill", "tax"}
        Which element of the contract it comes from; taxes name the kinds that they are on.
    label : str
        What it is for.
    period : str
        The month, or the period, that it bills.
    quantity, unit, price : float, str, float
        How much of what, and the price of one; a feed-in price is negative, as it is paid out.
    amount : float
        ``quantity * price``, in the currency of the bill.
    steps : tuple of str
        When the steps begin that set a peak; of other lines none.
    whose : str
        Whose import the peak is of; of other lines empty.
    in_game : bool
        Whether it is a part of what a coalition costs: taxes are not, nor most fixed fees.
    """

    kind: LineKind
    label: str
    period: str
    quantity: float
    unit: str
    price: float
    amount: float
    steps: tuple[str, ...] = ()
    whose: str = ""
    in_game: bool = True


@dataclass(frozen=True, eq=False, repr=False)
class Bill(ByValue):
    """What a contract charges a point, or a community, in a period.

    Attributes
    ----------
    lines : tuple of BillLine
        By month; they add up to :attr:`total`.
    currency : str
        Of all amounts.
    contract : str
        The name of the contract.
    point : str
        Who is billed.
    """

    lines: tuple[BillLine, ...]
    currency: str
    contract: str
    point: str

    @property
    def total(self) -> float:
        """The sum of all lines; negative where the point is paid."""
        return math.fsum(line.amount for line in self.lines)

    @property
    def cost(self) -> float:
        """What the game of a community is about: without taxes and fees outside the game."""
        return math.fsum(line.amount for line in self.lines if line.in_game)

    def total_of(self, *kinds: LineKind) -> float:
        """Return the sum of the lines of some kinds."""
        return math.fsum(line.amount for line in self.lines if line.kind in kinds)

    def to_pandas(self) -> pd.DataFrame:
        """Return the lines as a frame, a row for each."""
        with needs("pandas", "frames need pandas"):
            import pandas as pd

        columns = list(BillLine.__dataclass_fields__)
        return pd.DataFrame([asdict(line) for line in self.lines], columns=columns)

    def __str__(self) -> str:
        """Return the lines as a table of text."""
        head = ["period", "label", "quantity", "unit", "price", "amount"]
        rows = [
            [
                line.period,
                line.label,
                f"{line.quantity:,.3f}".rstrip("0").rstrip("."),
                line.unit,
                f"{line.price:g}",
                f"{line.amount:,.2f}",
            ]
            for line in self.lines
        ]
        rows.append(["", "total", "", "", self.currency, f"{self.total:,.2f}"])
        return "\n".join(text_table([head, *rows], left=(0, 1, 3)))

    def __repr__(self) -> str:
        return (
            f"Bill({self.contract!r}, {count(len(self.lines), 'line')}, "
            f"{self.total:.2f} {self.currency})"
        )
