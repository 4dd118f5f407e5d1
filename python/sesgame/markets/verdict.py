"""What is known of a property: that it holds, that it fails, or neither; and on what ground."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from sesgame.files.json_text import plain
from sesgame.formatting import amount

__all__ = ["Verdict"]

Word = Literal["yes", "no", "none found", "unknown"]

_JOINTS: dict[Word, str] = {"yes": ", ", "no": ": ", "none found": " in ", "unknown": ": "}


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What is known of a property of an outcome.

    Parameters
    ----------
    word : {"yes", "no", "none found", "unknown"}
        Proved or computed; refuted; searched for a refutation without finding one, which proves
        nothing; not known.
    ground : str
        The proof, the refutation, how much was searched, or what is known at most.
    figure : float, default 0
        By how much the property fails, at least, in the market's money.

    Examples
    --------
    >>> print(Verdict("none found", "12 misreports of 2 of 5 participants"))
    none found in 12 misreports of 2 of 5 participants
    >>> Verdict("no", "ann gains at least 3 with prices x 1.5, quantities x 1", 3.0).brief
    'no (3)'
    """

    word: Word
    ground: str = ""
    figure: float = 0.0

    @property
    def holds(self) -> bool | None:
        """Whether the property holds; None where neither that nor the opposite is known."""
        return {"yes": True, "no": False}.get(self.word)

    @property
    def brief(self) -> str:
        """The verdict as the cell of a table shows it."""
        if self.word == "no":
            return f"no ({amount(self.figure)})"
        return str(self) if self.word == "yes" else self.word

    def to_dict(self) -> dict[str, Any]:
        """Return all that is known in the types that JSON knows."""
        return {**plain(self), "holds": self.holds}

    def __str__(self) -> str:
        return f"{self.word}{_JOINTS[self.word]}{self.ground}" if self.ground else self.word
