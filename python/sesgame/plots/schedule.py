"""The dispatch behind a cost: power, charge and prices over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sesgame.formatting import count
from sesgame.game.door import checked_arguments
from sesgame.plots.canvas import BLACK, BLUE, GREEN, RED
from sesgame.plots.time_panels import new_panels, share_time, step_edges

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sesgame.energy.schedule import Schedule
    from sesgame.energy.tariff import PriceSeries, Tariff

__all__ = ["dispatch"]


@checked_arguments
def dispatch(
    schedule: Schedule, *, tariff: Tariff | PriceSeries | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a schedule: net load, import and export, below it what is stored and the prices.

    Parameters
    ----------
    schedule : Schedule
        By :meth:`Community.dispatch <sesgame.energy.Community.dispatch>`.
    tariff : Tariff or PriceSeries, optional
        That of the community; without it the prices are left out.
    ax : matplotlib Axes, optional
        The place of all panels; a new figure by default.

    Returns
    -------
    matplotlib Axes
        A frame without axes of its own, whose ``child_axes`` are the panels: power in kW, charge in
        kWh where there is any, prices where there is a tariff.

    Raises
    ------
    GameError
        The prices are of other steps.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> import sesgame as sg
    >>> community = sg.energy.Community.from_csv("examples/rural13")
    >>> schedule = community.dispatch(start="2016-06-01", end="2016-06-03")
    >>> frame = sg.plots.dispatch(schedule, tariff=community.tariff)
    >>> [panel.get_ylabel() for panel in frame.child_axes]
    ['power (kW)', 'stored (kWh)', 'EUR/kWh']
    """
    prices = None if tariff is None else tariff.prices(schedule.steps)
    stored = schedule.shows_charge
    heights = [0.5, *([0.25] if stored else []), *([0.2] if prices else [])]
    frame, panels = new_panels(ax, heights)
    edges = step_edges(schedule.steps)
    _power(panels[0], schedule, edges)
    if stored:
        panels[1].fill_between(edges, schedule.state_of_charge_kwh, color=GREEN, alpha=0.3)
        panels[1].plot(edges, schedule.state_of_charge_kwh, color=GREEN, linewidth=1.2)
        panels[1].set(ylabel="stored (kWh)", ylim=(0, None))
    if prices:
        for name, price, colour, line in zip(
            ("buying", "selling"), prices, (RED, BLUE), ("-", "--"), strict=True
        ):
            panels[-1].stairs(
                price, edges, baseline=None, color=colour, linestyle=line, linewidth=1.4, label=name
            )
        panels[-1].margins(y=0.25)
        panels[-1].set_ylabel(f"{schedule.currency}/kWh")
        panels[-1].legend(fontsize=8, ncols=2, frameon=False, loc="center right")
    share_time(panels, schedule.steps)
    return frame


def _power(panel: Axes, schedule: Schedule, edges: NDArray[np.datetime64]) -> None:
    hours = schedule.steps.step_hours
    flows = (
        (schedule.grid_import_kwh, "import", RED),
        (-schedule.grid_export_kwh, "export", BLUE),
    )
    for energy, name, colour in flows:
        panel.stairs(energy / hours, edges, fill=True, color=colour, alpha=0.35, label=name)
    panel.stairs(
        schedule.net_load_kwh / hours,
        edges,
        baseline=None,
        color=BLACK,
        linewidth=1,
        label="net load (load minus PV)",
    )
    panel.axhline(0, color=BLACK, linewidth=0.6)
    panel.set_ylabel("power (kW)")
    panel.set_title(
        f"{count(len(schedule.members), 'member')}, cost {schedule.cost:,.2f} {schedule.currency}",
        loc="right",
        fontsize=9,
    )
    panel.legend(
        fontsize=8, ncols=3, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0
    )
