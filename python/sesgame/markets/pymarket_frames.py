"""Order books from the frame of bids of `pymarket <https://github.com/kiedanski/pymarket>`_."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError
from sesgame.formatting import named
from sesgame.game.door import checked_arguments
from sesgame.markets.order_book import OrderBook
from sesgame.markets.order_book_frames import FrameRows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["pymarket_book"]

_COLUMNS = ("quantity", "price", "user", "buying", "time", "divisible")


@checked_arguments
def pymarket_book(bids: pd.DataFrame) -> OrderBook:
    """Return the order book of pymarket's bids, as ``market.bm.get_df()`` has them.

    Parameters
    ----------
    bids : DataFrame
        Columns ``quantity, price, user, buying, time, divisible``. Quantities are taken as kWh and
        prices as per kWh: pymarket has no units. `time` is when a bid was made: the earlier comes
        first where the auctions of pymarket and of this package ask for an order.

    Returns
    -------
    OrderBook
        One period. The steps of a user on one side stand by merit, whatever their time: the best
        is taken first.

    Raises
    ------
    GameError
        A column is missing or unknown, a cell is no number, no flag or empty, or a bid is not
        divisible: an order book takes parts of orders. The row is named.
    MissingExtraError
        pandas is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> import sesgame as sg
    >>> bids = pd.DataFrame(
    ...     [(1.0, 6.7, 0, True, 0, True), (1.0, 1.0, 1, False, 0, True)],
    ...     columns=["quantity", "price", "user", "buying", "time", "divisible"],
    ... )
    >>> sg.markets.uniform_price(sg.markets.pymarket_book(bids)).price_per_kwh.tolist()
    [3.85]
    """
    rows = FrameRows(bids, "bids")
    rows.expect(_COLUMNS)
    if not len(rows):
        raise GameError("bids has no rows")
    quantity, price, time = (rows.numbers(name) for name in ("quantity", "price", "time"))
    users = rows.labels("user")
    flags = {}
    for column in ("buying", "divisible"):
        cells = rows.cells(column)
        for row, cell in enumerate(cells):
            if not isinstance(cell, (bool, np.bool_)):
                raise rows.fail(row, column, f"True or False is needed, got {named(cell)}")
        flags[column] = [bool(cell) for cell in cells]
    for row, divisible in enumerate(flags["divisible"]):
        if not divisible:
            raise rows.fail(
                row, "divisible", "a bid that is all or nothing has no place in an order book"
            )
    order = np.argsort(time, kind="stable").tolist()
    steps: dict[tuple[object, bool], list[int]] = {}
    for row in order:
        steps.setdefault((users[row], flags["buying"][row]), []).append(row)
    following = {
        key: iter(sorted(own, key=lambda row: -price[row] if key[1] else price[row]))
        for key, own in steps.items()
    }
    taken = [next(following[users[row], flags["buying"][row]]) for row in order]
    return OrderBook.from_orders(
        (
            users[row],
            "bid" if flags["buying"][row] else "offer",
            float(price[row]),
            float(quantity[row]),
        )
        for row in taken
    )
