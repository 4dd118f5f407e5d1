"""The settlement of a matching market: who contracts with whom, at what price, and the proof."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sesgame.errors import AllocationError
from sesgame.markets.market import PROPERTIES_TIME_LIMIT
from sesgame.markets.matching_proof import CorePoint, verify_matching
from sesgame.markets.mechanism import FEW_TRIALS, MarketPromise, Mechanism
from sesgame.markets.properties import PropertyReport, property_report
from sesgame.markets.settlement import Settlement

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.markets.matching import Matching
    from sesgame.stability.verification import Verification

__all__ = ["PATHS", "MatchedPair", "MatchingSettlement"]

PATHS = "path owners"
"""What those are called who are paid the fees of paths."""


class MatchedPair(NamedTuple):
    """A contract: who makes it, what it gains, and at what price.

    `paid` is what the buyer pays, all included, and `received` what the seller gets; between the
    two lies the fee of the path.
    """

    row: Hashable
    column: Hashable
    worth: float
    paid: float
    received: float


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MatchingSettlement(Settlement):
    """The settlement of a matching market.

    Attributes
    ----------
    market : Matching
        What was settled.
    column_of : ndarray of int, shape (m,)
        The column that each row makes its contract with; -1 where it makes none.
    point : CorePoint or None
        Which payoffs these are, as :meth:`verify` proves them; None where it is none of those
        that can be proved.
    levels : tuple of float
        Only for the nucleolus: what the least satisfied coalitions get beyond their worth, one
        number for each cycle of coalitions that settles another payoff, rising.
    """

    market: Matching
    column_of: NDArray[np.int64]
    point: CorePoint | None = None
    levels: tuple[float, ...] = ()

    @classmethod
    def of(
        cls,
        market: Matching,
        column_of: NDArray[np.int64],
        payoffs: NDArray[np.float64],
        mechanism: Mechanism,
        *,
        point: CorePoint | None,
        levels: Iterable[float] = (),
    ) -> MatchingSettlement:
        """Return the settlement of a best matching, by what everybody gains."""
        m = len(market.rows)
        rows = np.flatnonzero(column_of >= 0)
        columns = column_of[rows]
        values = np.zeros(len(market.participants))
        values[rows] = market.bid[rows, columns]
        values[m + columns] = 0.0 - market.offer[columns]
        fees = float(market.fee[rows, columns].sum())
        return cls(
            market.participants,
            values - payoffs + 0.0,  # -0.0 + 0.0 is 0.0: nobody pays -0
            values,
            mechanism.title,
            {PATHS: (-fees, -fees)} if market.fee.any() else {},
            best_welfare=float(market.worth[rows, columns].sum()),
            tolerance=market.tolerance,
            rule=mechanism,
            market=market,
            column_of=column_of,
            point=point,
            levels=tuple(float(level) for level in levels),
        )

    @property
    def pairs(self) -> tuple[MatchedPair, ...]:
        """Each contract with its price, in the order of the rows."""
        market, m = self.market, len(self.market.rows)
        return tuple(
            MatchedPair(
                market.rows[i],
                market.columns[j],
                float(market.worth[i, j]),
                float(self.payments[i]),
                0.0 - float(self.payments[m + j]),
            )
            for i, j in enumerate(self.column_of.tolist())
            if j >= 0
        )

    def verify(self) -> Verification:
        """Prove that these are the payoffs that they are said to be, without solving anything.

        Returns
        -------
        Verification
            That no coalition gains (by duality, which also proves that no matching is worth more),
            and that no payoffs in the core are better for the rows or for the columns, or are
            nearer to the nucleolus.

        Raises
        ------
        AllocationError
            The payoffs are those of no point that can be proved.

        Notes
        -----
        O(k^3) for k pairs. The nucleolus: for each coalition there are others, with no larger
        slack, that together with it cover everybody alike, so that none can get more without one
        of them getting less (Kohlberg 1971 [kohlberg1971]_). That is exact in what is compared;
        numbers are compared up to rounding.

        Examples
        --------
        >>> import sesgame as sg
        >>> market = sg.markets.Matching([[6, 4], [5, 4]])
        >>> proof = sg.markets.matching_nucleolus(market).verify()
        >>> proof.claim, proof.state
        ('the nucleolus of this matching market', 'proved')
        """
        if self.point is None:
            raise AllocationError(f"the payoffs by {self.method!r} are no point that can be proved")
        return verify_matching(self.market, self.column_of, self.utilities, self.point)

    def properties(
        self,
        *,
        scan: Iterable[Hashable] | None = None,
        seed: int = 0,
        max_seconds: float = PROPERTIES_TIME_LIMIT,
        progress: bool = True,
    ) -> PropertyReport:
        """Return what is known of this outcome, and by how much what fails does so.

        Parameters
        ----------
        scan : iterable of hashable, optional
            The participants whose misreports are tried, each up to 24 prices. By default nobody
            of a side whose truth is a theorem; of the others everybody, or of more than 8 the
            first 4 who make a contract and 4 more, drawn. An empty list tries none.
        seed : int, default 0
            Draws them.
        max_seconds : float, default 6
            After so much time no further misreport is tried; what has been tried counts, and the
            verdict says that it was stopped. Infinity is no limit.
        progress : bool, default True
            Show the misreports tried where standard error is a terminal.

        Notes
        -----
        The core: no coalition could make contracts of its own for more than its members gain now.
        That is exact, by one more matching.
        """
        market, m = self.market, len(self.market.rows)
        order = np.argsort(self.values == 0, kind="stable")
        promises = self.rule.promises if isinstance(self.rule, Mechanism) else frozenset()
        side, settlement, theorem = "", self, "by theorem"
        if MarketPromise.TRUTHFUL_FOR_BUYERS in promises:
            side, order = "buyer", order[order >= m]
        elif MarketPromise.TRUTHFUL_FOR_SELLERS in promises:
            side, order = "seller", order[order < m]
        if side and not any(market.has_orders(market.participants[int(i)]) for i in order):
            # Nobody else reports anything: the theorem is for all who do.
            promises |= {MarketPromise.TRUTHFUL}
            settlement = dataclasses.replace(self, rule=_with(self.rule, promises))
            side, theorem = "", f"by theorem, since only {side}s report"
        report = property_report(
            settlement,
            market,
            scan=scan,
            seed=seed,
            max_seconds=max_seconds,
            progress=progress,
            ranked=order,
            trials=dataclasses.replace(FEW_TRIALS, quantities=0),
            best_welfare=market.clear().welfare,
            rest=sum(value - paid for value, paid in self.outside.values()),
            theorem=theorem,
        )
        name = "incentive compatible"
        verdict = report.verdicts[name]
        if not side or verdict.word != "none found":
            return report
        said = dataclasses.replace(verdict, ground=f"{verdict.ground}; no {side} gains, by theorem")
        return dataclasses.replace(report, verdicts={**report.verdicts, name: said})

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the market in the types that JSON knows."""
        result = super().to_dict()
        del result["market"]
        result["point"] = None if self.point is None else self.point.value
        result["pairs"] = [
            {**pair._asdict(), "row": str(pair.row), "column": str(pair.column)}
            for pair in self.pairs
        ]
        return result


def _with(rule: Any, promises: frozenset[MarketPromise]) -> Mechanism:
    """Return a mechanism with other promises."""
    mechanism: Mechanism = dataclasses.replace(rule, promises=promises)
    return mechanism
