"""The settlement of a storage auction: who wins which bundle, and what everybody pays."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.markets.market import PROPERTIES_TIME_LIMIT
from sesgame.markets.mechanism import FEW_TRIALS
from sesgame.markets.properties import PropertyReport, property_report
from sesgame.markets.settlement import Settlement

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.markets.mechanism import Mechanism
    from sesgame.markets.storage_auction import StorageAuction

__all__ = ["StorageSettlement"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class StorageSettlement(Settlement):
    """The outcome of a storage auction.

    Attributes
    ----------
    auction : StorageAuction
        What was settled.
    won : tuple of (int or None)
        The bundle that each bidder wins, as its position in ``auction.bundles``.
    welfare_bound : float or None
        No choice of bundles is worth more; equals the welfare when optimality is proved. None for
        the greedy rule, which proves nothing.
    payment_gaps : ndarray of float, shape (n,)
        How far each payment may be from the exact one, because a program was stopped by a time
        limit; 0 otherwise.
    blocking : tuple of frozenset
        Only for core-selecting payments: the winners that each blocking coalition, which had to be
        outbid, left out.
    """

    auction: StorageAuction
    won: tuple[int | None, ...]
    welfare_bound: float | None
    payment_gaps: NDArray[np.float64]
    blocking: tuple[frozenset[Hashable], ...] = ()

    @classmethod
    def of(
        cls,
        auction: StorageAuction,
        won: Sequence[int | None],
        mechanism: Mechanism,
        payments: NDArray[np.float64],
        *,
        bound: float | None,
        payment_gaps: NDArray[np.float64] | None = None,
        blocking: tuple[frozenset[Hashable], ...] = (),
    ) -> StorageSettlement:
        """Return the settlement of an auction by who wins what and pays how much."""
        values = [0.0 if k is None else float(auction.bundles[k].value) for k in won]
        return cls(
            auction.participants,
            payments,
            np.array(values),
            mechanism.title,
            best_welfare=bound,
            tolerance=auction.tolerance,
            rule=mechanism,
            auction=auction,
            won=tuple(won),
            welfare_bound=bound,
            payment_gaps=np.zeros(len(values)) if payment_gaps is None else payment_gaps,
            blocking=blocking,
        )

    @property
    def of_market(self) -> StorageAuction:
        """The auction."""
        return self.auction

    @property
    def proved(self) -> bool:
        """Whether the outcome is proved to be efficient and the payments to be exact."""
        return self.welfare_bound is not None and not self.payment_gaps.any()

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
            The bidders whose misreports are tried, each up to 24 multiples of its values. By
            default nobody where truthfulness is a theorem, otherwise everybody, or of more than 8
            the first 4 winners and 4 others, drawn. An empty list tries none.
        seed : int, default 0
            Draws them.
        max_seconds : float, default 6
            After so much time no further misreport is tried; what has been tried counts, and the
            verdict says that it was stopped. Up to half of it is for the search for a blocking
            coalition, which has a bound at any time. Infinity is no limit.
        progress : bool, default True
            Show the misreports tried where standard error is a terminal.

        Notes
        -----
        The core: no coalition of bidders could offer the seller more than it gets. The coalition
        that gains most is found by one more winner determination. The budget surplus is the
        revenue, which belongs to whoever owns the battery.
        """
        best = self.best_welfare
        return property_report(
            self,
            self.auction,
            scan=scan,
            seed=seed,
            max_seconds=max_seconds,
            progress=progress,
            ranked=sorted(range(len(self.won)), key=lambda bidder: self.won[bidder] is None),
            trials=dataclasses.replace(FEW_TRIALS, quantities=0),
            best_welfare=self.auction.clear().welfare if best is None else best,
            rest=float(self.payments.sum()),
            is_optimum=best is None or self.proved,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the auction in the types that JSON knows."""
        result = super().to_dict()
        del result["auction"]
        return {**result, "proved": self.proved}
