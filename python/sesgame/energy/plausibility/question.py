"""Questions: what is allowed, and yet looks like a mistake."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Question"]


@dataclass(frozen=True)
class Question:
    """Something in the data that is allowed, and that a mistake would look like.

    Attributes
    ----------
    topic : str
        What kind of question it is, such as ``"cumulative register"``.
    file : str
        The name of the file; empty where the data come from no file.
    column : str
        The column, or columns, that it is about.
    when : str
        The time, or times; empty where it is about all of them.
    seen : str
        What was seen.
    meaning : str
        What that may mean.
    cure : str
        What to do if so.

    Examples
    --------
    >>> print(
    ...     Question(
    ...         "percentage", "taxes.csv", "per_cent", "", "VAT is 0.21", "a fraction", "write 21"
    ...     )
    ... )
    taxes.csv, "per_cent": VAT is 0.21. It may be a fraction: write 21
    """

    topic: str
    file: str
    column: str
    when: str
    seen: str
    meaning: str
    cure: str

    def __str__(self) -> str:
        column = f'"{self.column}"' if self.column else ""
        where = ", ".join(part for part in (self.file, column, self.when) if part)
        return f"{where}: {self.seen}. It may be {self.meaning}: {self.cure}"
