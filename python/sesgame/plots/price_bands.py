"""What a kWh from a neighbour costs and earns over time, between the prices of the grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from sesgame.errors import AllocationError
from sesgame.formatting import named
from sesgame.game.door import checked_arguments
from sesgame.plots.canvas import (
    BLACK,
    GREEN,
    GREY,
    Drawn,
    Style,
    named_allocations,
    with_unit,
)
from sesgame.plots.time_panels import new_panels, share_time, step_edges

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sesgame.energy.time_steps import TimeSteps
    from sesgame.game.allocation import Allocation

    Array = NDArray[np.float64]

__all__ = ["local_prices"]


class _Prices(Protocol):
    """What the evidence of a rule for local prices has, in arrays of shape (T,)."""

    buy_per_kwh: Array
    sell_per_kwh: Array
    grid_buy_per_kwh: Array
    grid_sell_per_kwh: Array
    local_kwh: Array


@checked_arguments
def local_prices(drawn: Drawn, steps: TimeSteps, *, unit: str = "", ax: Axes | None = None) -> Axes:
    """Draw local prices over time, in the band between what the grid asks and what it pays.

    Two lines for each rule, in steps in which energy comes from neighbours: what a kWh costs who
    needs one, and dashed what it earns who has one to spare. Where the two part, the grid has a
    part in the energy of the longer side. Below stands how much comes from neighbours.

    Parameters
    ----------
    drawn : Allocation, iterable or mapping of str to Allocation
        Bills at local prices, as by :func:`sesgame.energy.mid_market_rate`, of one community.
    steps : TimeSteps
        That they are of: ``community.steps`` of the same period.
    unit : str, optional
        The currency.
    ax : matplotlib Axes, optional
        The place of both panels; a new figure by default.

    Returns
    -------
    matplotlib Axes
        A frame without axes of its own, whose ``child_axes`` are the panels: prices, and local
        power in kW.

    Raises
    ------
    AllocationError
        There is no allocation, one is not at local prices, or they are of other steps or grids.
    MissingExtraError
        matplotlib is not installed.

    Notes
    -----
    Time runs evenly on the clock that the first step shows, also where clocks are changed.

    Examples
    --------
    >>> import sesgame as sg
    >>> day = sg.energy.Community.from_csv("examples/rural13").period("2016-06-01", "2016-06-02")
    >>> rules = (sg.energy.mid_market_rate, sg.energy.bill_sharing)
    >>> bills = [rule(day, model="netting") for rule in rules]
    >>> frame = sg.plots.local_prices(bills, day.steps, unit="EUR")
    >>> [panel.get_ylabel() for panel in frame.child_axes]
    ['EUR/kWh', 'local (kW)']
    """
    allocations = named_allocations(drawn)
    rules = {name: _prices_of(name, found) for name, found in allocations.items()}
    first = next(iter(rules.values()))
    _check_alike(rules, steps)
    edges = step_edges(steps)
    frame, panels = new_panels(ax, (0.7, 0.2))
    prices, local = panels
    bands = (first.grid_sell_per_kwh, first.grid_buy_per_kwh)
    prices.stairs(
        bands[1], edges, baseline=bands[0], fill=True, color=GREY, alpha=0.15, label="grid"
    )
    for band in bands:
        prices.stairs(band, edges, baseline=None, color=GREY, linewidth=0.8)
    # Where nothing comes from a neighbour, nobody pays or earns such a price.
    is_shared = first.local_kwh > 0
    for number, (name, found) in enumerate(rules.items()):
        for price, line, label in (
            (found.buy_per_kwh, "-", name),
            (found.sell_per_kwh, "--", None),
        ):
            prices.stairs(
                np.where(is_shared, price, np.nan),
                edges,
                baseline=None,
                color=Style.of(number).colour,
                linestyle=line,
                linewidth=1.4,
                label=label,
            )
    for line, label in (("-", "costs"), ("--", "earns")):
        prices.plot([], [], color=BLACK, linestyle=line, linewidth=1.4, label=label)
    prices.use_sticky_edges = False
    prices.margins(y=0.05)
    prices.set_ylabel(f"{unit}/kWh" if unit else "price per kWh")
    prices.legend(fontsize=8, ncols=3, frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
    local.stairs(first.local_kwh / steps.step_hours, edges, fill=True, color=GREEN, alpha=0.4)
    local.axhline(0, color=BLACK, linewidth=0.6)
    local.set(ylim=(0, None), ylabel=with_unit("local", "kW"))
    share_time(panels, steps)
    return frame


def _prices_of(name: str, allocation: Allocation) -> _Prices:
    """Return the evidence of bills at local prices."""
    evidence = allocation.evidence
    needed = ("buy_per_kwh", "sell_per_kwh", "grid_buy_per_kwh", "grid_sell_per_kwh", "local_kwh")
    if not all(hasattr(evidence, field) for field in needed):
        raise AllocationError(f'"{name}" is no allocation at local prices, got {named(allocation)}')
    return cast("_Prices", evidence)


def _check_alike(rules: dict[str, _Prices], steps: TimeSteps) -> None:
    """Refuse prices of other steps, or of other grids."""
    first_name, first = next(iter(rules.items()))
    for name, found in rules.items():
        if len(found.local_kwh) != steps.n_steps:
            raise AllocationError(
                f'"{name}" is of {len(found.local_kwh)} steps, and here are {steps.n_steps}'
            )
        for field in ("grid_buy_per_kwh", "grid_sell_per_kwh", "local_kwh"):
            if not np.array_equal(getattr(found, field), getattr(first, field)):
                raise AllocationError(
                    f'"{name}" is of another community or schedule than "{first_name}": its '
                    f"{field} differs"
                )
