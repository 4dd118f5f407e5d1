"""A combinatorial auction of a shared battery: bids for energy, power and periods together."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sesgame._engine import BundleAuctionColumns
from sesgame.cached import cached_property
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_fields
from sesgame.game.players import Players
from sesgame.markets.market import CORE_TIME_LIMIT, CoreGap, check_time_limit
from sesgame.markets.steps import numbers, pairs_nearby
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Bundle", "StorageAuction", "StorageClearing"]

_PRECISION = 1e-9
"""Of sums of money, relative to the value of all bids; that of the solver."""


class Bundle(NamedTuple):
    """A bid for a part of the battery in some periods, all or nothing."""

    bidder: Hashable
    value: float
    energy_kwh: float
    power_kw: float
    periods: Iterable[int]


@dataclasses.dataclass(frozen=True)
class StorageClearing:
    """The bundles that win where welfare is largest.

    Attributes
    ----------
    won : tuple of (int or None)
        The bundle that each bidder wins, as its position among all.
    welfare : float
        What they are worth together.
    bound : float
        No choice of bundles is worth more; equal to `welfare` unless a time limit stopped the
        search.
    """

    won: tuple[int | None, ...]
    welfare: float
    bound: float


@checked_fields
class StorageAuction(ByValue):
    """Bids for bundles of a shared battery; a bidder wins at most one of its bundles (XOR).

    Where several choices of bundles are worth the same, which one wins depends on the order of the
    bundles, not on units; what is paid for it leaves everybody as well off as any other would.

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
        for k, bundle in enumerate(self.bundles):
            for period in bundle.periods:
                if not 0 <= period < self.n_periods:
                    raise GameError(
                        f"bundle {k} of {bundle.bidder!r} is for period {period}; the periods are "
                        f"0 to {self.n_periods - 1}"
                    )
        self.columns  # noqa: B018, what the engine refuses is refused at once

    @cached_property
    def columns(self) -> BundleAuctionColumns:
        """The engine's form of the auction."""
        usage = np.zeros((len(self.bundles), 2 * self.n_periods))
        for k, bundle in enumerate(self.bundles):
            for period in bundle.periods:
                usage[k, period] = bundle.energy_kwh
                usage[k, self.n_periods + period] = bundle.power_kw
        indices = [self.participants.index(bundle.bidder) for bundle in self.bundles]
        return BundleAuctionColumns(
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
        return _PRECISION * sum(bundle.value for bundle in self.bundles)

    def misreport(self, participant: Hashable, price_factor: float, _: float) -> StorageAuction:
        """Return the auction in which one bidder multiplies all its values by a factor."""
        return self._like(
            bundle._replace(value=bundle.value * price_factor)
            if bundle.bidder == participant
            else bundle
            for bundle in self.bundles
        )

    def rival_prices(
        self, participant: Hashable
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return pairs of the value of an own bundle and that of a bundle of somebody else."""
        is_own = np.array([bundle.bidder == participant for bundle in self.bundles])
        value = np.array([bundle.value for bundle in self.bundles])
        return pairs_nearby(value[is_own], value[~is_own])

    def has_orders(self, participant: Hashable) -> bool:
        """Return whether a participant bids at all."""
        self.participants.index(participant)
        return any(bundle.bidder == participant for bundle in self.bundles)

    def true_value(self, participant: Hashable, settlement: Any) -> float:
        """Return what the outcome of somebody's misreport is truly worth to a participant."""
        won = settlement.won[self.participants.index(participant)]
        return 0.0 if won is None else self.bundles[won].value

    def without(self, participant: Hashable) -> StorageAuction:
        """Return the auction without the bids of one bidder, who stays with nothing."""
        self.participants.index(participant)
        return self._like(bundle for bundle in self.bundles if bundle.bidder != participant)

    def clear(self, *, time_limit: float = np.inf, progress: bool = True) -> StorageClearing:
        """Return the winners of an efficient outcome: one integer program.

        Parameters
        ----------
        time_limit : float, optional
            Seconds after which the best bundles found so far win, and the bound says how much
            better others might be.
        progress : bool, default True
            Show the best welfare found and the bound where standard error is a terminal.

        Raises
        ------
        SolverError
            Nothing was found in that time; the error has the bound.
        """
        check_time_limit(time_limit)
        nothing = np.zeros(len(self.participants))
        with progress_report("winner determination", "program", progress) as report:
            won, welfare, bound = self.columns.best(nothing, time_limit, report)
        return StorageClearing(tuple(won), welfare, bound)

    def core_gap(
        self,
        utilities: NDArray[np.float64],
        rest: float,
        *,
        tolerance: float,
        time_limit: float = CORE_TIME_LIMIT,
    ) -> CoreGap:
        """Return what a coalition of bidders could offer the seller more than it gets.

        Parameters
        ----------
        utilities : ndarray of float, shape (n,)
            What each bidder has of the outcome, after its payment.
        rest : float
            The revenue.
        tolerance : float
            What is rounding in a sum of money.
        time_limit : float
            Seconds for the search.

        Notes
        -----
        The coalition that gains most is found by one more winner determination, or the best one
        and a bound after `time_limit` seconds.
        """
        won, welfare, bound = self.columns.best(utilities, time_limit)
        excess = max(0.0, welfare - rest)
        found = excess > tolerance
        winners = (self.participants[i] for i, bundle in enumerate(won) if bundle is not None)
        return CoreGap(
            excess if found else 0.0,
            max(0.0, bound - rest),
            frozenset(winners) if found else None,
        )

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


def _bundle(k: int, given: Bundle | tuple[Any, ...]) -> Bundle:
    try:
        bundle = Bundle(*given)
        name = f"bundle {k} of {bundle.bidder!r}"
        periods = tuple(sorted({int(period) for period in bundle.periods}))
        value, energy, power = (float(number) for number in bundle[1:4])
    except (TypeError, ValueError) as error:
        raise GameError(
            f"bundle {k} must be (bidder, value, energy_kwh, power_kw, periods), got {given!r}: "
            f"{error}"
        ) from error
    for field, number in (("value", value), ("energy_kwh", energy), ("power_kw", power)):
        if not (np.isfinite(number) and number >= 0):
            raise GameError(f"{name}: its {field} must be finite and non-negative, got {number}")
    if not periods:
        raise GameError(f"{name} has no period")
    return Bundle(bundle.bidder, value, energy, power, periods)


def _capacities(
    energy: ArrayLike, power: ArrayLike, n_periods: int | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    arrays = {
        "energy_kwh": numbers("energy_kwh", energy),
        "power_kw": numbers("power_kw", power),
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
            raise GameError(f"{name} must be finite and non-negative, got {array[bad].flat[0]}")
    length = lengths.pop()
    return (
        np.broadcast_to(arrays["energy_kwh"], length).copy(),
        np.broadcast_to(arrays["power_kw"], length).copy(),
    )
