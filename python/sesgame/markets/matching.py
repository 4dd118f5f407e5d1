"""Matching markets: each buyer and each seller makes at most one contract with one another."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame._engine import best_matching
from sesgame.cached import cached_property
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments, checked_fields
from sesgame.game.players import Players
from sesgame.games import assignment
from sesgame.markets.market import CORE_TIME_LIMIT, CoreGap
from sesgame.markets.steps import PRICE_ROUNDING, numbers, pairs_nearby

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.game.game import Game

__all__ = ["Matching", "MatchingClearing"]

_PRECISION = 1e-12
"""Rounding of a sum of money, relative to the money that all reports are about."""

_MOST = 1e298
"""The largest report, so that sums of them are finite."""


@dataclasses.dataclass(frozen=True, eq=False)
class MatchingClearing(ByValue):
    """A matching of the largest worth, and the two ends of its core.

    Attributes
    ----------
    column_of : ndarray of int, shape (m,)
        The column that each row makes its contract with; -1 where it makes none.
    welfare : float
        The worth of all pairs together; no matching is worth more.
    best_for_rows, best_for_columns : ndarray of float, shape (m + n,)
        What each row and then each column gains where the core is best for all rows at once, and
        where it is best for all columns.
    """

    column_of: NDArray[np.int64]
    welfare: float
    best_for_rows: NDArray[np.float64]
    best_for_columns: NDArray[np.float64]


@checked_fields
class Matching(ByValue):
    r"""Contracts of buyers (rows) with sellers (columns), at most one of each participant.

    A coalition is worth what its best matching is (the assignment game):

    .. math:: v(S) = \max \textstyle\sum_{(i, j)} a_{ij}
        \text{ over the pairings of rows and columns within } S

    Parameters
    ----------
    worth : array_like of float, shape (m, n)
        What each row and each column gain together, in money for the contract. A pair that would
        lose counts as 0 and makes no contract; ``-inf`` forbids a pair.
    rows, columns : iterable of hashable, optional
        Their labels, all different; 0 to m - 1 and m to m + n - 1 by default.

    Raises
    ------
    GameError
        No matrix, a NaN, ``inf`` or more than 1e298 in it, or other than m and n labels; the pair
        is named.

    Notes
    -----
    Given as worths, all that pairs gain is what the rows report that they would pay, and columns
    ask nothing; :meth:`from_bids` takes both sides apart. Where several matchings are worth the
    most, one is taken, on which the core does not depend: what everybody gains is the same in each.

    References
    ----------
    Shapley and Shubik (1971) [shapleyshubik1971]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> houses = sg.markets.Matching([[5, 8, 2], [7, 9, 6], [2, 3, 0]])
    >>> houses
    Matching(3 rows, 3 columns, 8 pairs that gain)
    >>> sg.markets.matching_nucleolus(houses).utilities.round(6).tolist()
    [4.0, 5.666667, 0.333333, 1.666667, 4.0, 0.333333]
    """

    def __init__(
        self,
        worth: ArrayLike,
        *,
        rows: Iterable[Hashable] | None = None,
        columns: Iterable[Hashable] | None = None,
    ) -> None:
        matrix = numbers("worth", worth)
        if matrix.ndim != 2 or 0 in matrix.shape:
            raise GameError(
                f"worth has shape {matrix.shape}; it needs a row for each row of the market and a "
                f"column for each column"
            )
        m, n = matrix.shape
        self._set_labels(m, n, rows, columns)
        self._refuse("worth", ~_is_report(matrix, forbids=-np.inf), matrix)
        self._set(np.where(matrix == -np.inf, -np.inf, np.maximum(matrix, 0.0)), np.zeros(n), 0.0)

    @classmethod
    @checked_arguments
    def from_bids(
        cls,
        bids: Mapping[Hashable, float] | ArrayLike,
        offers: Mapping[Hashable, float] | ArrayLike,
        *,
        path_fees: ArrayLike = 0.0,
        rows: Iterable[Hashable] | None = None,
        columns: Iterable[Hashable] | None = None,
    ) -> Matching:
        """Return the market of bids to buy, offers to sell, and what each path between them costs.

        A pair is worth ``max(0, bid - offer - fee)``.

        Parameters
        ----------
        bids : mapping of row to float, or array_like of float, shape (m,) or (m, n)
            The most that each buyer would pay, all included: for any seller's contract, or for
            that of each; ``-inf`` forbids a pair.
        offers : mapping of column to float, or array_like of float, shape (n,)
            The least that each seller asks.
        path_fees : float or array_like of float, shape (m, n), default 0
            What the owners of the path between a buyer and a seller are paid, which is what the
            use of it costs them; ``inf`` forbids a pair.
        rows, columns : iterable of hashable, optional
            As in :class:`Matching`; of mappings, their keys.

        Raises
        ------
        GameError
            As in :class:`Matching`; also labels beside those of a mapping.

        Examples
        --------
        >>> import sesgame as sg
        >>> market = sg.markets.Matching.from_bids(
        ...     {"ann": 0.28, "bob": 0.26}, {"roof": 0.08, "wind": 0.12},
        ...     path_fees=[[0.01, 0.03], [0.02, 0.01]],
        ... )
        >>> for pair in sg.markets.fair_division(market).pairs:
        ...     print(f"{pair.row} pays {pair.paid:.3f}, {pair.column} gets {pair.received:.3f}")
        ann pays 0.200, roof gets 0.190
        bob pays 0.195, wind gets 0.185
        """
        reported, rows = _labelled("bids", bids, rows)
        asked, columns = _labelled("offers", offers, columns)
        bid, offer = numbers("bids", reported), numbers("offers", asked)
        if offer.ndim != 1 or bid.ndim not in (1, 2) or 0 in (*bid.shape, *offer.shape):
            raise GameError(
                f"bids has shape {bid.shape}, offers {offer.shape}; one number for each row (or "
                f"for each row and column) and one for each column are needed"
            )
        shape = (bid.shape[0], len(offer))
        bid = _matrix("bids", bid[:, np.newaxis] if bid.ndim == 1 else bid, shape)
        fee = _matrix("path_fees", numbers("path_fees", path_fees), shape)
        market = cls.__new__(cls)
        market._set_labels(*shape, rows, columns)
        market._refuse("bid", ~_is_report(bid, forbids=-np.inf), bid)
        market._refuse("path fee", ~_is_report(fee, forbids=np.inf), fee)
        for j in np.flatnonzero(~(np.abs(offer) <= _MOST)):
            raise GameError(
                f"the offer of {market.columns[j]!r} must be finite, and no larger than {_MOST:g}, "
                f"got {offer[j]}"
            )
        barred = (bid == -np.inf) | (fee == np.inf)
        market._set(np.where(barred, -np.inf, bid), offer, np.where(barred, 0.0, fee))
        return market

    def _set_labels(
        self,
        m: int,
        n: int,
        rows: Iterable[Hashable] | None,
        columns: Iterable[Hashable] | None,
    ) -> None:
        given = (
            range(m) if rows is None else rows,
            range(m, m + n) if columns is None else columns,
        )
        of_rows, of_columns = (tuple(Players(labels)) for labels in given)
        for name, labels, count in (("rows", of_rows, m), ("columns", of_columns, n)):
            if len(labels) != count:
                raise GameError(f"{name} has {len(labels)} labels for {count} {name}")
        both = set(of_rows) & set(of_columns)
        if both:
            label = next(label for label in of_rows if label in both)
            raise GameError(f"{label!r} is a row and a column; who buys and sells needs two labels")
        self.rows, self.columns = of_rows, of_columns
        self.participants = Players((*of_rows, *of_columns))

    def _refuse(self, what: str, bad: NDArray[np.bool_], matrix: NDArray[np.float64]) -> None:
        if bad.any():
            i, j = np.unravel_index(int(np.argmax(bad)), bad.shape)
            raise GameError(
                f"the {what} of row {self.rows[i]!r} and column {self.columns[j]!r} is "
                f"{matrix[i, j]}; it must be a number up to {_MOST:g}, or infinite where the pair "
                f"is forbidden"
            )

    def _set(self, bid: ArrayLike, offer: ArrayLike, fee: ArrayLike) -> None:
        self.bid = np.array(bid, dtype=np.float64)
        self.offer = np.array(offer, dtype=np.float64)
        self.fee = np.array(np.broadcast_to(fee, self.bid.shape), dtype=np.float64)
        for array in (self.bid, self.offer, self.fee):
            array.setflags(write=False)

    @cached_property
    def worth(self) -> NDArray[np.float64]:
        """What each pair gains; 0 where it would lose or is forbidden; shape (m, n)."""
        gain = self.bid - self.offer - self.fee
        money = np.abs(self.bid) + np.abs(self.offer) + np.abs(self.fee)
        # A gain that is the rounding of its parts is none.
        worth = np.where(np.isfinite(gain) & (gain > PRICE_ROUNDING * money), gain, 0.0)
        worth.setflags(write=False)
        return worth

    @property
    def tolerance(self) -> float:
        """Absolute precision of all sums of money."""
        most = np.where(np.isfinite(self.bid), np.abs(self.bid) + np.abs(self.fee), 0.0)
        return _PRECISION * float(most.max(axis=1).sum() + np.abs(self.offer).sum())

    def game(self) -> Game:
        """Return the assignment game: what each coalition gains, ``kind="gain"``.

        Its players are the rows and then the columns. Any rule of games takes it, up to 30 players
        those that need all coalitions; the mechanisms for this market take hundreds.

        Examples
        --------
        >>> import sesgame as sg
        >>> gloves = sg.markets.Matching([[1], [1]], rows=["left", "other left"], columns=["right"])
        >>> sg.shapley_value(gloves.game()).values.round(4).tolist()
        [0.1667, 0.1667, 0.6667]
        """
        return assignment(self.worth, players=self.participants)

    def clear(self) -> MatchingClearing:
        """Return a matching of the largest worth and the ends of its core.

        The Hungarian method, O(min(m, n)^2 max(m, n)), and a shortest path for each end.
        """
        outcome = best_matching(self.worth)
        matched = np.flatnonzero(outcome.column_of >= 0)
        for array in (outcome.column_of, outcome.best_for_rows, outcome.best_for_columns):
            array.setflags(write=False)
        return MatchingClearing(
            outcome.column_of,
            float(self.worth[matched, outcome.column_of[matched]].sum()),
            outcome.best_for_rows,
            outcome.best_for_columns,
        )

    def core_gap(
        self,
        utilities: NDArray[np.float64],
        rest: float,
        *,
        tolerance: float,
        time_limit: float = CORE_TIME_LIMIT,
    ) -> CoreGap:
        """Return what a coalition gains by contracts of its own: exact, by one more matching.

        Parameters
        ----------
        utilities : ndarray of float, shape (m + n,)
            What each participant has of the outcome, after its payment.
        rest : float
            What the owners of paths have, who are in no coalition.
        tolerance : float
            What is rounding in a sum of money.
        time_limit : float
            Seconds for a search; there is none here.
        """
        m = len(self.rows)
        # Who loses gains by staying away; a pair is worth what it gains beyond that.
        alone = np.maximum(-utilities, 0.0)
        short = utilities + alone
        more = np.maximum(self.worth - short[:m, np.newaxis] - short[m:], 0.0)
        column_of = best_matching(more).column_of
        inside = alone > tolerance
        for i in np.flatnonzero(column_of >= 0):
            if more[i, column_of[i]] > tolerance:
                inside[[i, m + column_of[i]]] = True
        matched = np.flatnonzero(column_of >= 0)
        excess = float(alone.sum() + more[matched, column_of[matched]].sum())
        if not inside.any():
            return CoreGap(0.0, excess, None)
        members = (self.participants[int(i)] for i in np.flatnonzero(inside))
        return CoreGap(excess, excess, frozenset(members))

    def without(self, participant: Hashable) -> Matching:
        """Return the market in which nobody can make a contract with one participant."""
        i, m = self.participants.index(participant), len(self.rows)
        bid = self.bid.copy()
        bid[(i, slice(None)) if i < m else (slice(None), i - m)] = -np.inf
        return self._like(bid, self.offer)

    def has_orders(self, participant: Hashable) -> bool:
        """Return whether a participant reports a price, of which there are multiples."""
        i, m = self.participants.index(participant), len(self.rows)
        if i < m:
            return bool((np.isfinite(self.bid[i]) & (self.bid[i] != 0)).any())
        return bool(self.offer[i - m] != 0 and np.isfinite(self.bid[:, i - m]).any())

    def misreport(
        self, participant: Hashable, price_factor: float, quantity_factor: float
    ) -> Matching:
        """Return the market in which a row multiplies its bids, or a column its offer.

        A contract has no quantity to misreport.
        """
        i, m = self.participants.index(participant), len(self.rows)
        bid, offer = self.bid.copy(), self.offer.copy()
        if i < m:
            bid[i] = np.where(np.isfinite(bid[i]), bid[i], 0.0) * price_factor
            bid[i][~np.isfinite(self.bid[i])] = -np.inf
        else:
            offer[i - m] *= price_factor
        return self._like(bid, offer)

    def true_value(self, participant: Hashable, settlement: Any) -> float:
        """Return what the outcome of somebody's misreport is truly worth to a participant."""
        i, m = self.participants.index(participant), len(self.rows)
        if i < m:
            j = int(settlement.column_of[i])
            return float(self.bid[i, j]) if j >= 0 else 0.0
        return -float(self.offer[i - m]) if (settlement.column_of == i - m).any() else 0.0

    def rival_prices(
        self, participant: Hashable
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return pairs of an own price and a price of somebody else that is close to it."""
        i, m = self.participants.index(participant), len(self.rows)
        allowed = np.isfinite(self.bid)
        asked, net = (self.offer + self.fee)[allowed], (self.bid - self.fee)[allowed]
        if i < m:
            others = np.delete(self.bid, i, axis=0)
            others = np.append(others[np.isfinite(others)], asked)
            return pairs_nearby(self.bid[i][allowed[i]], others)
        others = np.append(np.delete(self.offer, i - m), net)
        return pairs_nearby(self.offer[i - m : i - m + 1], others)

    def _like(self, bid: NDArray[np.float64], offer: NDArray[np.float64]) -> Matching:
        other = type(self).__new__(type(self))
        other.rows, other.columns, other.participants = self.rows, self.columns, self.participants
        other._set(bid, offer, self.fee)
        return other

    def __repr__(self) -> str:
        gains = int((self.worth > 0).sum())
        return (
            f"Matching({len(self.rows)} row{'s' * (len(self.rows) != 1)}, {len(self.columns)} "
            f"column{'s' * (len(self.columns) != 1)}, {gains} pair{'s' * (gains != 1)} that "
            f"gain{'s' * (gains == 1)})"
        )


def _is_report(matrix: NDArray[np.float64], *, forbids: float) -> NDArray[np.bool_]:
    """Return which numbers of pairs can be counted with, or forbid the pair."""
    known: NDArray[np.bool_] = (np.abs(matrix) <= _MOST) | (matrix == forbids)
    return known


def _labelled(name: str, given: Any, labels: Iterable[Hashable] | None) -> tuple[Any, Any]:
    """Return the numbers of a mapping, and their labels."""
    if not isinstance(given, Mapping):
        return given, labels
    if labels is not None:
        raise GameError(f"{name} is a mapping, whose keys are the labels: give no others beside it")
    return list(given.values()), list(given)


def _matrix(name: str, given: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return numbers of pairs, where one is given for each, or for several of them."""
    try:
        return np.broadcast_to(given, shape)
    except ValueError:
        raise GameError(
            f"{name} has shape {given.shape}; it needs a number for each of {shape[0]} rows and "
            f"{shape[1]} columns"
        ) from None
