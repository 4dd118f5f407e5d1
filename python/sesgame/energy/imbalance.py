r"""Renewable producers who sell ahead together, and settle what came against what was sold.

Producer i has sold :math:`c_i` ahead at a price f and generates :math:`x_i`. Whoever is short buys
at :math:`r_b \ge f`, whoever has more sells at :math:`r_s \le f`. Together shortages and surpluses
cancel out, as loads do in a community: it is netting at the prices :math:`r_b` and :math:`r_s`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame._engine import netting_game, strategic_equivalent
from sesgame.energy.number_arrays import number_array
from sesgame.energy.scarce_side import scarce_side
from sesgame.errors import GameError
from sesgame.formatting import named
from sesgame.game.allocation import Allocation, Amount, Evidence
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.game.game import Game
from sesgame.game.native_source import native_from
from sesgame.game.players import Players

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ImbalanceEvidence", "ImbalanceSettlement", "imbalance_settlement"]

METHOD = "imbalance settlement"


@dataclass(frozen=True, eq=False)
class ImbalanceEvidence(Evidence):
    """The price at which all imbalances of a step are settled.

    Attributes
    ----------
    imbalance_price : ndarray of shape (T,)
        Of a kWh more or less than was sold ahead.
    """

    imbalance_price: NDArray[np.float64]

    @property
    def n_evaluations(self) -> int:
        """That of all together."""
        return 1

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return why no group can do better."""
        return [
            "In each step all imbalances are settled at the one price that all together face. At "
            "it no group can do better on its own, whatever each producer generated."
        ]


@dataclass(frozen=True, eq=False)
class ImbalanceSettlement(ByValue):
    """Payments to producers who have sold ahead together.

    Attributes
    ----------
    producers : Players
        The n producers.
    contracts, outputs : ndarray of shape (n, T)
        What each sold ahead, and what it generated, in kWh.
    price, shortage, surplus : ndarray of shape (T,)
        Of a kWh sold ahead, bought for what is missing, and sold of what is left.
    imbalance_price : ndarray of shape (T,)
        At which all imbalances are settled: the shortage price where all together are short, the
        surplus price where they have more, and the price ahead where neither is so.
    """

    producers: Players
    contracts: NDArray[np.float64]
    outputs: NDArray[np.float64]
    price: NDArray[np.float64]
    shortage: NDArray[np.float64]
    surplus: NDArray[np.float64]
    imbalance_price: NDArray[np.float64]

    @property
    def payments_by_step(self) -> NDArray[np.float64]:
        """What each producer is paid in each step, shape (n, T)."""
        off: NDArray[np.float64] = self.outputs - self.contracts
        return self.price * self.contracts + self.imbalance_price * off

    @property
    def payments(self) -> NDArray[np.float64]:
        """What each producer is paid, shape (n,)."""
        payments: NDArray[np.float64] = self.payments_by_step.sum(axis=1)
        return payments

    def allocation(self) -> Allocation:
        """Return the payments as an allocation of :meth:`game`."""
        turnover = float(np.abs(self.payments_by_step).sum())
        return Allocation(
            self.producers,
            self.payments,
            kind="gain",
            method=METHOD,
            tolerance=1e-12 * turnover,
            evidence=ImbalanceEvidence(self.imbalance_price),
        )

    def game(self) -> Game:
        r"""Return the game of what each group of producers would be paid alone.

        .. math:: v(S) = \sum_t f_t c_t(S) - r_{b,t} (c_t(S) - x_t(S))^+
                  + r_{s,t} (x_t(S) - c_t(S))^+
        """
        short = self.contracts - self.outputs
        netting = native_from(
            netting_game,
            np.ascontiguousarray(short),
            np.ascontiguousarray(self.shortage),
            np.ascontiguousarray(self.surplus),
        )
        ahead = (self.price * self.contracts).sum(axis=1)
        native = native_from(strategic_equivalent, netting, -1.0, ahead)
        flow = (np.abs(self.price) + np.abs(self.shortage) + np.abs(self.surplus)) * (
            np.abs(self.contracts) + np.abs(self.outputs)
        )
        additions = sum(self.contracts.shape)
        rounding = float(np.finfo(np.float64).eps) * additions * float(flow.sum())
        return Game.from_native(native, self.producers, kind="gain", rounding=rounding)

    def to_dict(self) -> dict[str, Any]:
        """Return the payments in the types that JSON knows."""
        return {
            "method": METHOD,
            "payments": dict(zip(map(str, self.producers), self.payments.tolist(), strict=True)),
            "imbalance_price": self.imbalance_price.tolist(),
            "total": float(self.payments.sum()),
        }


@checked_arguments
def imbalance_settlement(
    contracts: Mapping[Hashable, ArrayLike],
    outputs: Mapping[Hashable, ArrayLike],
    price: ArrayLike,
    shortage: ArrayLike,
    surplus: ArrayLike,
) -> ImbalanceSettlement:
    r"""Return what producers are paid who have sold ahead together.

    .. math:: f c_i + r (x_i - c_i), \qquad r = \begin{cases} r_b & x(N) < c(N) \\
              f & x(N) = c(N) \\ r_s & x(N) > c(N) \end{cases}

    The payments add up to what all together earn, and are in the core for **every** outcome, not
    on the average: :math:`v(S) = f c(S) + \min_{r_s \le r \le r_b} r \, (x(S) - c(S))`.

    Parameters
    ----------
    contracts, outputs : mapping of label to float, or to array_like of shape (T,)
        What each producer sold ahead and what it generated, in kWh; of the same producers.
    price : float or array_like of shape (T,)
        f, of a kWh sold ahead.
    shortage, surplus : float or array_like of shape (T,)
        :math:`r_b` and :math:`r_s`, of a kWh that is missing or left:
        ``surplus <= price <= shortage``.

    Returns
    -------
    ImbalanceSettlement
        Its :meth:`~ImbalanceSettlement.allocation` and :meth:`~ImbalanceSettlement.game` go to
        :func:`sesgame.audit`. O(n T).

    Raises
    ------
    GameError
        Labels or shapes differ, a number is not finite, or the prices are not in order.

    Notes
    -----
    Where outputs and contracts of all are equal, rounding aside, any price between surplus and
    shortage would do; the price ahead pays each producer for what it generated.

    References
    ----------
    Khazaei and Zhao (2017) [khazaei2017]_.

    Examples
    --------
    Together they are 1 kWh short, so all imbalances are settled at the shortage price; alone the
    producer with more than it sold would have had the surplus price for that:

    >>> import sesgame as sg
    >>> settled = sg.energy.imbalance_settlement(
    ...     {"wind": 10, "sun": 6, "river": 8},
    ...     {"wind": 12, "sun": 4, "river": 7},
    ...     price=50,
    ...     shortage=80,
    ...     surplus=20,
    ... )
    >>> settled.payments.tolist(), settled.game().value(["wind"])
    ([660.0, 140.0, 320.0], 540.0)
    >>> sg.core_check(settled.game(), settled.allocation()).in_core
    True
    """
    for name, given in (("contracts", contracts), ("outputs", outputs)):
        if not isinstance(given, Mapping):
            raise GameError(f"{name} must be a mapping of producers to kWh, got {named(given)}")
    producers = Players(contracts)
    if set(outputs) != set(contracts):
        other = sorted(map(str, set(outputs) ^ set(contracts)))
        raise GameError(f"contracts and outputs must be of the same producers; not {other}")
    sold = _rows("contracts", contracts, producers)
    came = _rows("outputs", outputs, producers)
    if sold.shape != came.shape:
        raise GameError(f"contracts have {sold.shape[1]} steps, but outputs have {came.shape[1]}")
    n_steps = sold.shape[1]
    ahead, short, spare = (
        _prices(name, given, n_steps)
        for name, given in (("price", price), ("shortage", shortage), ("surplus", surplus))
    )
    for name, wrong in (("surplus", spare > ahead), ("shortage", ahead > short)):
        if wrong.any():
            step = int(np.argmax(wrong))
            raise GameError(
                f"in step {step} the price ahead is {ahead[step]:g} and the {name} price "
                f"{(spare if name == 'surplus' else short)[step]:g}; it must be surplus <= price "
                f"<= shortage, or whoever is off would gain by it"
            )
    # Negative amounts, as of a wind farm's own use, count on the other side.
    needed = np.maximum(sold, 0).sum(axis=0) + np.maximum(-came, 0).sum(axis=0)
    had = np.maximum(came, 0).sum(axis=0) + np.maximum(-sold, 0).sum(axis=0)
    side = scarce_side(needed, had)
    return ImbalanceSettlement(
        producers,
        sold,
        came,
        ahead,
        short,
        spare,
        np.where(side > 0, short, np.where(side < 0, spare, ahead)),
    )


def _rows(
    name: str, given: Mapping[Hashable, ArrayLike], producers: Players
) -> NDArray[np.float64]:
    """Return the amounts of each producer, shape (n, T)."""
    rows = []
    for producer in producers:
        try:
            row = np.atleast_1d(number_array(given[producer]))
        except (TypeError, ValueError) as error:
            raise GameError(f"{name} of {producer}: {error}") from error
        if row.ndim != 1 or not row.size:
            raise GameError(f"{name} of {producer} have shape {row.shape}; it must be () or (T,)")
        if not np.isfinite(row).all():
            raise GameError(f"{name} of {producer} must be finite, got {row.tolist()}")
        rows.append(row)
    lengths = {str(label): len(row) for label, row in zip(producers, rows, strict=True)}
    if len(set(lengths.values())) > 1:
        raise GameError(f"{name} must have as many steps of each producer, got {lengths}")
    return np.array(rows)


def _prices(name: str, given: ArrayLike, n_steps: int) -> NDArray[np.float64]:
    try:
        prices = number_array(given)
        found = np.broadcast_to(prices, (n_steps,)).copy()
    except (TypeError, ValueError) as error:
        raise GameError(f"{name} must be a number, or one for each of {n_steps} steps") from error
    if not np.isfinite(found).all():
        raise GameError(f"{name} must be finite, got {given!r}")
    return found
