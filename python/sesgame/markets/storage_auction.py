"""A combinatorial auction of a shared battery: bids for energy, power and periods together."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sesgame._engine import BundleAuctionColumns
from sesgame.errors import GameError
from sesgame.game.players import Players
from sesgame.markets.settlement import Settlement

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.markets.properties import PropertyReport

__all__ = [
    "Bundle",
    "StorageAuction",
    "StorageSettlement",
    "greedy",
    "storage_core_selecting",
    "storage_vcg",
]

_PRECISION = 1e-9
"""Of sums of money, relative to the value of all bids; that of the solver."""


class Bundle(NamedTuple):
    """A bid for a part of the battery in some periods, all or nothing."""

    bidder: Hashable
    value: float
    energy_kwh: float
    power_kw: float
    periods: Iterable[int]


class StorageAuction:
    """Bids for bundles of a shared battery; a bidder wins at most one of its bundles (XOR).

    Parameters
    ----------
    bundles : iterable of (bidder, value, energy_kwh, power_kw, periods)
        What each bundle is worth to its bidder, and the energy capacity and power it needs in
        each of its periods (from 0).
    energy_kwh, power_kw : float or array_like of float, shape (T,)
        Energy capacity and power of the battery, in each period.
    n_periods : int, optional
        The number of periods T, where neither is an array.
    bidders : iterable of hashable, optional
        All bidders; by default in the order in which they first appear.

    Raises
    ------
    GameError
        A number that is negative, NaN or infinite, or a period that is not there; the bundle and
        its bidder are named.

    Examples
    --------
    >>> import sesgame as sg
    >>> auction = sg.markets.StorageAuction(
    ...     [("bakery", 6.0, 10, 4, [0, 1]), ("school", 5.0, 8, 4, [1]), ("farm", 4.5, 8, 4, [0])],
    ...     energy_kwh=12, power_kw=8, n_periods=2,
    ... )
    >>> sg.markets.vcg(auction)["school"]
    1.5
    """

    def __init__(
        self,
        bundles: Iterable[Bundle | tuple[Any, ...]],
        *,
        energy_kwh: ArrayLike,
        power_kw: ArrayLike,
        n_periods: int | None = None,
        bidders: Iterable[Hashable] | None = None,
    ) -> None:
        self.bundles = tuple(_bundle(k, bundle) for k, bundle in enumerate(bundles))
        labels = dict.fromkeys(bundle.bidder for bundle in self.bundles)
        self.participants = Players(labels if bidders is None else bidders)
        self.energy_kwh, self.power_kw = _capacities(energy_kwh, power_kw, n_periods)
        usage = np.zeros((len(self.bundles), 2 * self.n_periods))
        for k, bundle in enumerate(self.bundles):
            for period in bundle.periods:
                if not 0 <= period < self.n_periods:
                    raise GameError(
                        f"bundle {k} of {bundle.bidder!r} is for period {period}; the periods are "
                        f"0 to {self.n_periods - 1}"
                    )
                usage[k, period] = bundle.energy_kwh
                usage[k, self.n_periods + period] = bundle.power_kw
        indices = [self.participants.index(bundle.bidder) for bundle in self.bundles]
        self.columns = BundleAuctionColumns(
            len(self.participants),
            np.array(indices, dtype=np.uintp),
            np.array([bundle.value for bundle in self.bundles], dtype=np.float64),
            usage,
            np.concatenate([self.energy_kwh, self.power_kw]),
        )

    @property
    def n_periods(self) -> int:
        """The number of periods T."""
        return len(self.energy_kwh)

    @property
    def tolerance(self) -> float:
        """Absolute precision of sums of money."""
        return _PRECISION * max(1.0, sum(bundle.value for bundle in self.bundles))

    def misreport(self, participant: Hashable, price_factor: float, _: float) -> StorageAuction:
        """Return the auction in which one bidder multiplies all its values by a factor."""
        return self._like(
            bundle._replace(value=bundle.value * price_factor)
            if bundle.bidder == participant
            else bundle
            for bundle in self.bundles
        )

    def has_orders(self, participant: Hashable) -> bool:
        """Return whether a participant bids at all."""
        self.participants.index(participant)
        return any(bundle.bidder == participant for bundle in self.bundles)

    def true_value(self, participant: Hashable, settlement: Settlement) -> float:
        """Return what the outcome of somebody's misreport is truly worth to a participant."""
        assert isinstance(settlement, StorageSettlement)
        won = settlement.won[self.participants.index(participant)]
        return 0.0 if won is None else self.bundles[won].value

    def without(self, participant: Hashable) -> StorageAuction:
        """Return the auction without the bids of one bidder, who stays with nothing."""
        self.participants.index(participant)
        return self._like(bundle for bundle in self.bundles if bundle.bidder != participant)

    def _like(self, bundles: Iterable[Bundle]) -> StorageAuction:
        return StorageAuction(
            bundles,
            energy_kwh=self.energy_kwh,
            power_kw=self.power_kw,
            bidders=self.participants,
        )

    def __repr__(self) -> str:
        return (
            f"StorageAuction({len(self.participants)} bidders, {len(self.bundles)} bundles, "
            f"{self.n_periods} period{'' if self.n_periods == 1 else 's'})"
        )


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
        How far each payment may be from the exact one, because a programme was stopped by a time
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

    @property
    def proved(self) -> bool:
        """Whether the outcome is proved to be efficient and the payments to be exact."""
        return self.welfare_bound is not None and not self.payment_gaps.any()

    def properties(self, *, scan: Iterable[Hashable] | None = None) -> PropertyReport:
        """Return what holds of this outcome, and by how much what does not.

        Parameters
        ----------
        scan : iterable of hashable, optional
            The bidders whose misreports are tried, 9 multiples of their values from 0 to 2; by
            default the first 8 winners. An empty list tries none.

        Notes
        -----
        The core: no coalition of bidders could offer the seller more than it gets. The coalition
        that gains most is found by one more winner determination. The budget's surplus is the
        revenue, which belongs to whoever owns the battery.
        """
        from sesgame.markets.properties import CORE_TIME_LIMIT, property_report

        if scan is None:
            winners = (i for i, bundle in enumerate(self.won) if bundle is not None)
            scan = [self.participants[i] for i, _ in zip(winners, range(8), strict=False)]
        best = self.best_welfare
        if best is None:
            best = self.auction.columns.best(np.zeros(len(self.won)), np.inf)[1]
        won, welfare, bound = self.auction.columns.best(self.utilities, CORE_TIME_LIMIT)
        revenue = float(self.payments.sum())
        excess = max(0.0, welfare - revenue)
        blocking = frozenset(
            self.participants[i] for i, bundle in enumerate(won) if bundle is not None
        )
        return property_report(
            self,
            self.auction,
            scan,
            best_welfare=best,
            price_factors=np.linspace(0, 2, 9),
            quantity_factors=(1.0,),
            core=(
                excess if excess > self.tolerance else 0.0,
                max(0.0, bound - revenue),
                blocking if excess > self.tolerance else None,
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the auction in the types that JSON knows."""
        result = super().to_dict()
        del result["auction"]
        return {**result, "proved": self.proved}


def storage_vcg(auction: StorageAuction, *, time_limit: float = np.inf) -> StorageSettlement:
    """Return the efficient outcome with its VCG payments; see :func:`sesgame.markets.vcg`."""
    if not time_limit > 0:
        raise GameError(f"time_limit is {time_limit} s; it must be above 0")
    outcome = auction.columns.clarke(time_limit)
    settlement = _settlement(
        auction, "vcg", outcome.won, outcome.payments, outcome.bound, storage_vcg
    )
    return dataclasses.replace(settlement, payment_gaps=outcome.payment_gaps)


def storage_core_selecting(auction: StorageAuction) -> StorageSettlement:
    """Return the core payments nearest to VCG; see :func:`sesgame.markets.core_selecting`."""
    outcome = auction.columns.core_selecting()
    settlement = _settlement(
        auction,
        "core-selecting",
        outcome.won,
        outcome.payments,
        outcome.welfare,
        storage_core_selecting,
    )
    labels = auction.participants
    return dataclasses.replace(
        settlement,
        blocking=tuple(frozenset(labels[i] for i in left_out) for left_out in outcome.blocking),
    )


def greedy(auction: StorageAuction) -> StorageSettlement:
    r"""Return the greedy outcome with critical-value payments, for single-minded bidders.

    Bundles by falling :math:`v / \sqrt{\textstyle\sum_r u_r / c_r}` (value per square root of the
    used shares of capacity) are accepted when they still fit. A winner pays the least value with
    which it would still have won.

    Parameters
    ----------
    auction : StorageAuction
        One bundle of each bidder.

    Returns
    -------
    StorageSettlement
        Truth is a dominant strategy and nobody loses; welfare may be lost: `properties` says how
        much.

    Raises
    ------
    GameError
        A bidder has two bundles: the greedy rule is then not truthful.

    Notes
    -----
    O(n^2) times the resources of a bundle; no integer programme.

    References
    ----------
    Lehmann, O'Callaghan and Shoham (2002) [lehmann2002]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> auction = sg.markets.StorageAuction(
    ...     [("a", 10, 1, 0, [0]), ("b", 19, 1, 0, [0, 1]), ("c", 8, 1, 0, [1])],
    ...     energy_kwh=1, power_kw=0, n_periods=2,
    ... )
    >>> sg.markets.greedy(auction).payments.round(4).tolist()
    [0.0, 14.1421, 0.0]
    """
    first: dict[Hashable, int] = {}
    for k, bundle in enumerate(auction.bundles):
        if first.setdefault(bundle.bidder, k) != k:
            raise GameError(
                f"bundle {k} is the second of {bundle.bidder!r}; the greedy auction is truthful "
                f"only for bidders with one bundle: use vcg or core_selecting"
            )
    won, payments = auction.columns.greedy()
    return _settlement(auction, "greedy", won, payments, None, greedy)


def _settlement(
    auction: StorageAuction,
    method: str,
    won: list[int | None],
    payments: NDArray[np.float64],
    bound: float | None,
    rule: Any,
) -> StorageSettlement:
    values = [0.0 if k is None else float(auction.bundles[k].value) for k in won]
    return StorageSettlement(
        auction.participants,
        payments,
        np.array(values),
        method,
        best_welfare=bound,
        tolerance=auction.tolerance,
        rule=rule,
        auction=auction,
        won=tuple(won),
        welfare_bound=bound,
        payment_gaps=np.zeros(len(values)),
    )


def _bundle(k: int, given: Bundle | tuple[Any, ...]) -> Bundle:
    try:
        bundle = Bundle(*given)
        name = f"bundle {k} of {bundle.bidder!r}"
        periods = tuple(sorted({int(period) for period in bundle.periods}))
        value, energy, power = (float(number) for number in bundle[1:4])
    except (TypeError, ValueError) as error:
        raise GameError(
            f"bundle {k} is {given!r}; it must be (bidder, value, energy_kwh, power_kw, periods): "
            f"{error}"
        ) from error
    for field, number in (("value", value), ("energy_kwh", energy), ("power_kw", power)):
        if not (np.isfinite(number) and number >= 0):
            raise GameError(f"{name}: its {field} is {number}; it must be finite and >= 0")
    if not periods:
        raise GameError(f"{name} has no period")
    return Bundle(bundle.bidder, value, energy, power, periods)


def _capacities(
    energy: ArrayLike, power: ArrayLike, n_periods: int | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    arrays = {
        "energy_kwh": np.array(energy, dtype=np.float64),
        "power_kw": np.array(power, dtype=np.float64),
    }
    lengths = {len(array) for array in arrays.values() if array.ndim == 1}
    lengths |= set() if n_periods is None else {n_periods}
    if len(lengths) != 1 or min(lengths) < 1 or any(array.ndim > 1 for array in arrays.values()):
        raise GameError(
            f"energy_kwh has shape {arrays['energy_kwh'].shape}, power_kw "
            f"{arrays['power_kw'].shape}, n_periods is {n_periods}; together they must say how "
            f"many periods there are, and agree"
        )
    for name, array in arrays.items():
        bad = ~(np.isfinite(array) & (array >= 0))
        if bad.any():
            raise GameError(f"{name} is {array[bad].flat[0]}; it must be finite and >= 0")
    length = lengths.pop()
    return (
        np.broadcast_to(arrays["energy_kwh"], length).copy(),
        np.broadcast_to(arrays["power_kw"], length).copy(),
    )
