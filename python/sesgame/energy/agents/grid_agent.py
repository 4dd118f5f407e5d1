"""The grid as an agent: it sells at one price, buys at another one, and has limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.number_arrays import number_array
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_fields

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["GridAgent"]


@checked_fields
@dataclass(frozen=True, eq=False, init=False)
class GridAgent(ByValue):
    r"""The common connection: what it delivers costs one price, what it takes earns another.

    .. math:: f(q) = \sum_t \bigl( p^{buy}_t q_t^- - p^{sell}_t q_t^+ \bigr),
              \qquad -L^{in} \le q_t \le L^{out}

    with q what the grid draws from the community, so that it is negative while the community
    imports.

    Parameters
    ----------
    buy_per_kwh, sell_per_kwh : array_like of float, shape (T,)
        Prices; selling must not earn more than buying costs.
    import_limit_kwh, export_limit_kwh : float, optional
        The most that the community can draw and feed in, in a step; by default no limit.
    weight : float, default 1
        See :class:`Agent`. :meth:`Community.agents <sesgame.energy.Community.agents>` gives the
        grid as much as all members have together.

    Raises
    ------
    GameError
        Prices are not finite or not of the same steps, selling earns more than buying costs, a
        limit is negative, or the weight is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> grid = GridAgent([0.30, 0.30], [0.10, 0.10])
    >>> grid.respond(np.array([-4.0, -0.2]), 0.125).round(6).tolist()
    [-1.6, 0.6]
    """

    buy_per_kwh: NDArray[np.float64]
    sell_per_kwh: NDArray[np.float64]
    import_limit_kwh: float
    export_limit_kwh: float
    weight: float

    def __init__(
        self,
        buy_per_kwh: ArrayLike,
        sell_per_kwh: ArrayLike,
        *,
        import_limit_kwh: float = math.inf,
        export_limit_kwh: float = math.inf,
        weight: float = 1.0,
    ) -> None:
        buy = _prices("buy_per_kwh", buy_per_kwh)
        sell = _prices("sell_per_kwh", sell_per_kwh)
        if buy.ndim != 1 or not buy.size or buy.shape != sell.shape:
            raise GameError(
                f"buy_per_kwh and sell_per_kwh must be one price for each step, got arrays of "
                f"shape {buy.shape} and {sell.shape}"
            )
        for name, prices in (("buy_per_kwh", buy), ("sell_per_kwh", sell)):
            if not np.isfinite(prices).all():
                step = int(np.argmin(np.isfinite(prices)))
                raise GameError(f"{name} is {prices[step]} in step {step}; it must be finite")
        if (sell > buy).any():
            step = int(np.argmax(sell > buy))
            raise GameError(
                f"in step {step} energy is sold for {sell[step]:g} and bought for {buy[step]:g}: "
                f"where selling earns more, costs are not convex, and no price clears"
            )
        for name, limit in (
            ("import_limit_kwh", import_limit_kwh),
            ("export_limit_kwh", export_limit_kwh),
        ):
            if not limit >= 0:
                raise GameError(f"{name} must be non-negative, got {limit}")
        if not (weight > 0 and math.isfinite(weight)):
            raise GameError(f"weight must be positive and finite, got {weight}")
        fields = {
            "buy_per_kwh": buy,
            "sell_per_kwh": sell,
            "import_limit_kwh": float(import_limit_kwh),
            "export_limit_kwh": float(export_limit_kwh),
            "weight": float(weight),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @property
    def price_scale(self) -> float:
        """What lies between both prices, in the middle of all steps; or a price, if nothing."""
        spread = float(np.median(self.buy_per_kwh - self.sell_per_kwh))
        return spread if spread > 0 else float(np.median(np.abs(self.buy_per_kwh)))

    def respond(self, target: NDArray[np.float64], rho: float) -> NDArray[np.float64]:
        """Return what the grid draws from the community near a target, shape (T,), in kWh."""
        imports = np.minimum(target + self.buy_per_kwh / rho, 0.0)
        exports = np.maximum(target + self.sell_per_kwh / rho, 0.0)
        # At most one of them is not 0, since selling earns no more than buying costs.
        exchange = np.maximum(imports + exports, -self.import_limit_kwh)
        within: NDArray[np.float64] = np.minimum(exchange, self.export_limit_kwh)
        return within

    def cost(self, exchange_kwh: ArrayLike) -> float:
        """Return what the contract bills for what the grid draws in each step, shape (T,)."""
        exchange = np.asarray(exchange_kwh, dtype=np.float64)
        imports, exports = np.maximum(-exchange, 0.0), np.maximum(exchange, 0.0)
        return float((self.buy_per_kwh * imports - self.sell_per_kwh * exports).sum())

    def own_cost(self, target: NDArray[np.float64], rho: float) -> float:
        """Return what the contract bills for the answer to a target."""
        return self.cost(self.respond(target, rho))


def _prices(name: str, given: ArrayLike) -> NDArray[np.float64]:
    try:
        prices = number_array(given)
    except (TypeError, ValueError) as error:
        raise GameError(f"{name} is not an array of numbers: {error}") from error
    prices.setflags(write=False)
    return prices
