"""What a kWh costs: capital, upkeep and charging over the life of generators and storage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.operator.cost_checks import at_least_zero, factor_above, part_of_one
from sesgame.errors import GameError
from sesgame.game.door import checked_arguments

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "capital_recovery_factor",
    "levelised_cost",
    "levelised_cost_of_storage",
    "service_price",
]

DAYS_PER_YEAR = 365.0
"""As in prices per year, which are of 8,760 hours."""


MAX_YEARS = 10_000
"""So many lists of each year fit any memory."""

LARGEST_EXPONENT = 600.0
"""Of what a payment is worth at the beginning, where interest is negative."""


@checked_arguments
def capital_recovery_factor(rate: float, years: float) -> float:
    r"""Return which part of a capital is paid each year, so that it is paid back with interest.

    .. math:: \frac{r (1 + r)^n}{(1 + r)^n - 1}, \qquad \frac1n \text{ for } r = 0

    Parameters
    ----------
    rate : float
        The interest r of a year, above -1: 0.05 for 5 %.
    years : float
        How many payments there are, n, one at the end of each year; from 1 to 10,000. A life that
        does not end with a year may have a part of one.

    Returns
    -------
    float

    Raises
    ------
    GameError
        The rate is -1 or below, or there is less than a year.

    Notes
    -----
    O(1), without cancellation at small rates.

    References
    ----------
    Short, Packey and Holt (1995) [short1995]_, "uniform capital recovery factor".

    Examples
    --------
    >>> import sesgame as sg
    >>> round(sg.energy.capital_recovery_factor(0.05, 20), 10)
    0.0802425872
    """
    factor_above("rate", rate)
    _check_years(years)
    if rate == 0:
        return 1.0 / years
    # expm1 and log1p keep all digits of a rate of 1e-12.
    exponent = _refuse_extreme(rate, years)
    return float(rate / -math.expm1(exponent))


@checked_arguments
def levelised_cost(
    capital: float,
    annual_cost: float | Sequence[float],
    annual_kwh: float | Sequence[float],
    *,
    rate: float,
    years: int,
    fade: float = 0.0,
) -> float:
    r"""Return the levelised cost of energy: the price of a kWh at which a plant just pays.

    .. math:: \mathrm{LCOE} = \frac{I + \sum_{t=1}^n O_t / (1 + r)^t}{\sum_{t=1}^n E_t / (1 + r)^t},
              \qquad E_t = E_1 (1 - g)^{t-1}

    with the capital I, the costs :math:`O_t` and the energy :math:`E_t` of year t, interest r and
    a fade g.

    Parameters
    ----------
    capital : float
        Paid at the beginning, at least 0.
    annual_cost : float or sequence of float, shape (n,)
        Upkeep of each year, at least 0; one number for all years alike.
    annual_kwh : float or sequence of float, shape (n,)
        Energy of the first year, which fades, or of each year, which fades no further; at least 0
        and not 0 in all years.
    rate : float
        Interest of a year, above -1.
    years : int
        n, at least 1. All payments but the capital come at the end of a year.
    fade : float, default 0
        By which part the energy falls from year to year, in [0, 1).

    Returns
    -------
    float
        In the currency of the costs, per kWh.

    Raises
    ------
    GameError
        A number is out of its range, or a sequence has not n numbers.

    Notes
    -----
    O(n). Costs and energy are discounted alike, so costs without inflation need a real rate, and
    costs with inflation a nominal one.

    References
    ----------
    Short, Packey and Holt (1995) [short1995]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> roof = {"capital": 1000, "annual_cost": 20, "annual_kwh": 1000, "rate": 0.05, "years": 20}
    >>> round(sg.energy.levelised_cost(**roof), 10)
    0.1002425872
    >>> round(sg.energy.levelised_cost(**roof, fade=0.005), 10)
    0.1042518758
    """
    at_least_zero("capital", capital)
    discount = _discount(rate, years)
    costs = _by_year("annual_cost", annual_cost, years)
    energy = _energy("annual_kwh", annual_kwh, years, fade)
    return _per_kwh(capital + math.fsum(costs * discount), energy * discount)


@checked_arguments
def levelised_cost_of_storage(
    capital: float,
    annual_cost: float | Sequence[float],
    annual_delivered_kwh: float | Sequence[float],
    *,
    charging_price: float,
    round_trip_efficiency: float,
    rate: float,
    years: int,
    fade: float = 0.0,
) -> float:
    r"""Return the levelised cost of storage: what a kWh costs that storage delivers.

    .. math:: \mathrm{LCOS} = \frac{I + \sum_{t=1}^n (O_t + p E_t / \eta) / (1 + r)^t}
                                   {\sum_{t=1}^n E_t / (1 + r)^t}

    as :func:`levelised_cost`, with the energy :math:`E_t` that is delivered in year t, the price p
    of what it is charged with and the round-trip efficiency :math:`\eta`.

    Parameters
    ----------
    capital, annual_cost, rate, years, fade
        As in :func:`levelised_cost`.
    annual_delivered_kwh : float or sequence of float, shape (n,)
        Energy that storage delivers in the first year, or in each year; at least 0 and not 0 in
        all years.
    charging_price : float
        Of a kWh that is drawn, at least 0. Whoever rents out storage that others charge takes 0.
    round_trip_efficiency : float
        Delivered for each kWh drawn, in (0, 1].

    Returns
    -------
    float
        In the currency of the costs, per kWh delivered.

    Raises
    ------
    GameError
        A number is out of its range, or a sequence has not n numbers.

    References
    ----------
    Schmidt, Melchior, Hawkes and Staffell (2019) [schmidt2019]_.

    Examples
    --------
    300 EUR for a kWh of capacity that is emptied 300 times a year:

    >>> import sesgame as sg
    >>> cost = sg.energy.levelised_cost_of_storage(
    ...     300, 0, 300, charging_price=0.05, round_trip_efficiency=0.9, rate=0.05, years=15
    ... )
    >>> round(cost, 10)
    0.1518978432
    """
    at_least_zero("capital", capital)
    at_least_zero("charging_price", charging_price)
    part_of_one("round_trip_efficiency", round_trip_efficiency)
    discount = _discount(rate, years)
    costs = _by_year("annual_cost", annual_cost, years)
    delivered = _energy("annual_delivered_kwh", annual_delivered_kwh, years, fade)
    costs = costs + charging_price * delivered / round_trip_efficiency
    return _per_kwh(capital + math.fsum(costs * discount), delivered * discount)


@checked_arguments
def service_price(levelised_cost: float, annual_kwh: float, *, margin: float = 0.0) -> float:
    r"""Return the price at which an operator rents out capacity, for a day.

    .. math:: r = (1 + m) \, \frac{c E}{365}

    with the levelised cost c of a kWh, the energy E that a unit of capacity gives in a year and a
    margin m. Of a kW of PV or wind that is r_pv or r_wind, the ``price_per_kw_day`` of a
    :class:`GenerationOffer`. Of a kWh of storage it is r_st, and 365 r_st the
    ``price_per_kwh_year`` of a :class:`StorageOffer`.

    Parameters
    ----------
    levelised_cost : float
        Of a kWh, at least 0: :func:`levelised_cost` of generation, and for storage
        :func:`levelised_cost_of_storage` with a ``charging_price`` of 0, since users charge it with
        energy that they pay themselves.
    annual_kwh : float
        What a kW generates, or a kWh of storage delivers, in a year of 365 days, on the average
        over its life; above 0.
    margin : float, default 0
        What the operator adds, as a part of the cost: 0.1 for a tenth. Above -1; below 0 the
        operator pays in addition.

    Returns
    -------
    float
        Per kW and day, or per kWh of capacity and day.

    Raises
    ------
    GameError
        A number is out of its range.

    Examples
    --------
    >>> import sesgame as sg
    >>> roof = sg.energy.levelised_cost(1000, 20, 1000, rate=0.05, years=20)
    >>> round(sg.energy.service_price(roof, 1000, margin=0.1), 4)
    0.3021
    """
    at_least_zero("levelised_cost", levelised_cost)
    at_least_zero("annual_kwh", annual_kwh)
    if annual_kwh == 0:
        raise GameError("annual_kwh must be above 0, got 0: what gives no energy has no price")
    factor_above("margin", margin)
    return float((1.0 + margin) * levelised_cost * annual_kwh / DAYS_PER_YEAR)


def _check_years(years: float) -> None:
    if not 1 <= years <= MAX_YEARS:
        raise GameError(f"years must be from 1 to {MAX_YEARS:,}, got {years}")


def _discount(rate: float, years: int) -> NDArray[np.float64]:
    """Return what a payment at the end of each year is worth at the beginning, shape (n,)."""
    factor_above("rate", rate)
    _check_years(years)
    _refuse_extreme(rate, years)
    discount: NDArray[np.float64] = np.exp(-math.log1p(rate) * np.arange(1, years + 1))
    return discount


def _refuse_extreme(rate: float, years: float) -> float:
    """Return the logarithm of what a payment of the last year is worth at the beginning."""
    exponent = -years * math.log1p(rate)
    if exponent > LARGEST_EXPONENT:
        raise GameError(f"a rate of {rate} over {years} years is beyond what numbers can hold")
    return exponent


def _by_year(name: str, given: float | Sequence[float], years: int) -> NDArray[np.float64]:
    """Return a number of each year, shape (n,)."""
    numbers = np.asarray(given, dtype=np.float64)
    if numbers.ndim and numbers.shape != (years,):
        raise GameError(
            f"{name} has {len(numbers)} numbers, but years is {years}: give one number, or one for "
            f"each year"
        )
    for year, number in enumerate(np.atleast_1d(numbers).tolist(), start=1):
        at_least_zero(f"{name} of year {year}" if numbers.ndim else name, number)
    return np.broadcast_to(numbers, years)


def _energy(
    name: str, given: float | Sequence[float], years: int, fade: float
) -> NDArray[np.float64]:
    """Return the energy of each year, shape (n,)."""
    if not (math.isfinite(fade) and 0 <= fade < 1):
        raise GameError(f"fade must be from 0 up to, but not, 1, got {fade}")
    energy = _by_year(name, given, years)
    if fade and np.ndim(given):
        raise GameError(f"{name} is given for each year, so it has no fade; got fade={fade}")
    if not energy.any():
        raise GameError(f"{name} must be above 0: energy that there is none of has no cost")
    faded: NDArray[np.float64] = energy * (1.0 - fade) ** np.arange(years)
    return faded


def _per_kwh(money: float, discounted_kwh: NDArray[np.float64]) -> float:
    return float(money / math.fsum(discounted_kwh))
