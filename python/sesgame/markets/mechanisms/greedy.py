"""The greedy auction of bundles with critical-value payments: fast and truthful."""

from __future__ import annotations

from collections.abc import Hashable

from sesgame.errors import GameError
from sesgame.game.door import checked_arguments
from sesgame.markets.mechanism import MarketPromise, Mechanism
from sesgame.markets.storage_auction import StorageAuction
from sesgame.markets.storage_settlement import StorageSettlement

__all__ = ["GREEDY", "greedy"]


@checked_arguments
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
        Truth is a dominant strategy, individually rational; welfare may be lost: `properties`
        says how much.

    Raises
    ------
    GameError
        The market is of another kind, or a bidder has two bundles: the greedy rule is then not
        truthful.

    Notes
    -----
    O(n^2) times the resources of a bundle; no integer program.

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
    GREEDY.check(auction)
    first: dict[Hashable, int] = {}
    for k, bundle in enumerate(auction.bundles):
        if first.setdefault(bundle.bidder, k) != k:
            raise GameError(
                f"bundle {k} is the second of {bundle.bidder!r}; the greedy auction is truthful "
                f"only for bidders with one bundle: use vcg or core_selecting"
            )
    won, payments = auction.columns.greedy()
    return StorageSettlement.of(auction, won, GREEDY, payments, bound=None)


GREEDY = Mechanism(
    name="greedy",
    title="greedy",
    settle=greedy,
    markets=(StorageAuction,),
    promises=frozenset({MarketPromise.VOLUNTARY, MarketPromise.TRUTHFUL, MarketPromise.NO_DEFICIT}),
    meaning="bundles in the order of value by size, critical values as payments",
    gives_up="part of the welfare",
    page="concepts/market-rules",
    sources=("lehmann2002",),
)
