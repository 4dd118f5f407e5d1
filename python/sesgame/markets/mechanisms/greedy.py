"""The greedy auction of bundles with critical-value payments: fast and truthful."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from functools import partial
from typing import Literal

from sesgame.errors import GameError
from sesgame.game.door import checked_arguments
from sesgame.markets.mechanism import MarketPromise, Mechanism
from sesgame.markets.storage_auction import StorageAuction
from sesgame.markets.storage_settlement import StorageSettlement

__all__ = ["GREEDY", "greedy"]


@checked_arguments
def greedy(
    auction: StorageAuction, *, size: Literal["root", "scarcity"] = "root"
) -> StorageSettlement:
    r"""Return the greedy outcome with critical-value payments, for single-minded bidders.

    Bundles by falling value per size are accepted when they still fit. A winner pays the least
    value with which it would still have won. The size of a bundle that uses :math:`u_r` of
    capacities :math:`c_r` is

    .. math:: \sqrt{\textstyle\sum_r u_r / c_r} \quad\text{(root)} \qquad\text{or}\qquad
        \textstyle\sum_r w_r u_r, \; w_r = \frac{1}{c_r^2} \sum_{\text{all}} u_r
        \quad\text{(scarcity)}

    Parameters
    ----------
    auction : StorageAuction
        One bundle of each bidder.
    size : {"root", "scarcity"}, default "root"
        What a value is divided by: the square root of the used shares of capacity, or these shares,
        each counted as many times as all bids together ask for the resource.

    Returns
    -------
    StorageSettlement
        Truth is a dominant strategy, individually rational; welfare may be lost: `properties`
        says how much.

    Raises
    ------
    GameError
        The market is of another kind, or a bidder has two bundles: the greedy rule is then not
        truthful. Also a `size` that is neither.

    Notes
    -----
    O(n^2) times the resources of a bundle, on all cores; no integer program. What is sold fits the
    battery up to a part of 1e-9 of each capacity, which is rounding.

    Truth is about values. What a bundle uses is taken as known, as it can be measured: by scarcity
    a bidder's own use moves what all resources weigh.

    References
    ----------
    Lehmann, O'Callaghan and Shoham (2002) [lehmann2002]_. The weights by scarcity are of this
    package: they depend on no value, so that critical values keep the truth.

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
    if size not in ("root", "scarcity"):
        raise GameError(f'size must be "root" or "scarcity", got {size!r}')
    mechanism = GREEDY
    if size != "root":
        mechanism = dataclasses.replace(GREEDY, settle=partial(greedy, size=size))
    won, payments = auction.columns.greedy(size == "scarcity")
    return StorageSettlement.of(auction, won, mechanism, payments, bound=None)


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
