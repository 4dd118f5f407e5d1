"""What storage loses of its life by use, and how long it lasts."""

from __future__ import annotations

from typing import Literal

from sesgame.energy.operator.cost_checks import at_least_zero, part_of_one
from sesgame.errors import GameError
from sesgame.game.door import checked_arguments

__all__ = ["wear_cost", "years_of_life"]


@checked_arguments
def wear_cost(
    capital: float,
    *,
    energy_kwh: float | None = None,
    cycles: float | None = None,
    depth_of_discharge: float = 1.0,
    throughput_kwh: float | None = None,
    discharge_efficiency: float = 1.0,
    salvage: float = 0.0,
    basis: Literal["delivered", "each way"] = "delivered",
) -> float:
    r"""Return what storage loses of its value with each kWh, by cycles or by throughput.

    .. math:: w = \frac{I - V}{W \eta}, \qquad w_\text{each way} = \frac{I - V}{2 W},
              \qquad W = N D E

    with the capital I, the salvage value V, the discharge efficiency :math:`\eta`, and the energy W
    that goes through the cells in a life of N cycles to the depth D of a capacity E. A warranty may
    state instead the energy :math:`W \eta` that is delivered.

    Parameters
    ----------
    capital : float
        What storage costs, at least 0.
    energy_kwh, cycles : float, optional
        The capacity E and the number of cycles N of a life, each above 0.
    depth_of_discharge : float, default 1
        Of each of these cycles, D in (0, 1].
    throughput_kwh : float, optional
        In place of both: what storage delivers in a life, at its terminals; above 0.
    discharge_efficiency : float, default 1
        Delivered for each kWh taken out of the cells, in (0, 1].
    salvage : float, default 0
        What is left of its value at the end, from 0 to `capital`.
    basis : {"delivered", "each way"}, default "delivered"
        Per kWh delivered, which is the ``degradation_cost_per_kwh`` of a :class:`Battery` and of a
        :class:`StorageOffer`; or per kWh that goes into the cells or comes out of them, for models
        that count both.

    Returns
    -------
    float
        In the currency of the capital, per kWh of the basis.

    Raises
    ------
    GameError
        A number is out of its range, or the life is not given by either cycles or throughput.

    Notes
    -----
    O(1). Of a year it is a cost only as far as use ends the life: where the calendar does
    (:func:`years_of_life`), capital is paid by :func:`capital_recovery_factor` whatever the use,
    and wear beside it would count it twice.

    Examples
    --------
    300 EUR for a kWh that lasts 5,000 cycles to a depth of 80 %:

    >>> import sesgame as sg
    >>> cells = {"capital": 300, "energy_kwh": 1, "cycles": 5000, "depth_of_discharge": 0.8}
    >>> round(sg.energy.wear_cost(**cells, discharge_efficiency=0.95), 10)
    0.0789473684
    >>> round(sg.energy.wear_cost(**cells, discharge_efficiency=0.95, basis="each way"), 10)
    0.0375
    >>> round(sg.energy.wear_cost(300, throughput_kwh=3800, discharge_efficiency=0.95), 10)
    0.0789473684
    """
    at_least_zero("capital", capital)
    at_least_zero("salvage", salvage)
    if salvage > capital:
        raise GameError(f"salvage must be at most the capital, {capital}, got {salvage}")
    part_of_one("depth_of_discharge", depth_of_discharge)
    part_of_one("discharge_efficiency", discharge_efficiency)
    if basis not in ("delivered", "each way"):
        raise GameError(f'basis must be "delivered" or "each way", got {basis!r}')
    by_cycles = {"energy_kwh": energy_kwh, "cycles": cycles}
    if throughput_kwh is not None:
        given = [name for name, value in by_cycles.items() if value is not None]
        if given or depth_of_discharge != 1.0:
            other = given[0] if given else "depth_of_discharge"
            raise GameError(
                f"throughput_kwh says how long storage lasts, and so does {other}: give one of both"
            )
        _above_zero("throughput_kwh", throughput_kwh)
        through_cells = throughput_kwh / discharge_efficiency
    else:
        missing = [name for name, value in by_cycles.items() if value is None]
        if missing:
            raise GameError(
                f"give energy_kwh and cycles, or throughput_kwh; {' and '.join(missing)} is missing"
            )
        assert energy_kwh is not None
        assert cycles is not None
        _above_zero("energy_kwh", energy_kwh)
        _above_zero("cycles", cycles)
        through_cells = cycles * depth_of_discharge * energy_kwh
    lost = capital - salvage
    if basis == "each way":
        return float(lost / (2.0 * through_cells))
    return float(lost / (through_cells * discharge_efficiency))


@checked_arguments
def years_of_life(calendar_years: float, *, cycles: float, cycles_per_year: float) -> float:
    r"""Return how many years storage lasts: until the calendar or the cycles end its life.

    .. math:: \min\Bigl(n, \frac{N}{N_\text{year}}\Bigr)

    Parameters
    ----------
    calendar_years : float
        What it lasts without use, n, above 0.
    cycles : float
        How many cycles it lasts, N, above 0.
    cycles_per_year : float
        How many a year has, at least 0; at 0 the calendar ends it.

    Returns
    -------
    float

    Raises
    ------
    GameError
        A number is out of its range.

    Examples
    --------
    300 cycles a year leave 500 of 5,000 unused after 15 years:

    >>> import sesgame as sg
    >>> sg.energy.years_of_life(15, cycles=5000, cycles_per_year=300)
    15.0
    >>> sg.energy.years_of_life(15, cycles=5000, cycles_per_year=500)
    10.0
    """
    _above_zero("calendar_years", calendar_years)
    _above_zero("cycles", cycles)
    at_least_zero("cycles_per_year", cycles_per_year)
    used_up = cycles / cycles_per_year if cycles_per_year else calendar_years
    return float(min(calendar_years, used_up))


def _above_zero(name: str, value: float) -> None:
    at_least_zero(name, value)
    if value == 0:
        raise GameError(f"{name} must be above 0, got 0")
