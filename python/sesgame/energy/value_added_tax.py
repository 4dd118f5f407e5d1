"""The tax between prices without it and prices with it, as tariffs publish both."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sesgame.files.json_fields import JsonField

__all__ = ["vat_per_cent"]


def vat_per_cent(prices: Sequence[JsonField]) -> float:
    """Return the tax in per cent, of one decimal at most, that explains all pairs of prices.

    Raises
    ------
    GameError
        No tax explains some price, even if both are rounded to the decimals that they have.
    """
    pairs = [(_money(price, "priceExVat"), _money(price, "priceIncVat")) for price in prices]
    largest = max(pairs, key=lambda pair: abs(pair[0]), default=(Decimal(0), Decimal(0)))
    ratio = 100 * (largest[1] / largest[0] - 1) if largest[0] else Decimal(0)
    per_cent = Decimal(0)
    for decimals in ("1", "0.1"):
        per_cent = ratio.quantize(Decimal(decimals))
        wrong = [k for k, pair in enumerate(pairs) if not _explains(per_cent, *pair)]
        if not wrong:
            return float(per_cent)
    without, including = pairs[wrong[0]]
    return prices[wrong[0]].fail(
        f"priceIncVat {including} is not priceExVat {without} with {per_cent} % of tax, as that of "
        f"other prices is"
    )


def _money(price: JsonField, name: str) -> Decimal:
    return price.need(name).decimal()


def _explains(per_cent: Decimal, without: Decimal, including: Decimal) -> bool:
    factor = 1 + per_cent / 100
    # Each may be rounded by half a unit of its last decimal.
    rounding = (_unit(including) + factor * _unit(without)) / 2
    return abs(including - factor * without) <= rounding


def _unit(number: Decimal) -> Decimal:
    exponent = number.as_tuple().exponent
    return Decimal(1).scaleb(min(int(exponent), 0))
