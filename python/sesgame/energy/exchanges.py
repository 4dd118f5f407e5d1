"""Energy that the members of a community give to each other, and take from each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.positions import positions
from sesgame.errors import GameError
from sesgame.game.door import checked_arguments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.community import Community
    from sesgame.energy.schedule import Schedule

__all__ = ["exchanged_energy"]


@checked_arguments
def exchanged_energy(
    community: Community, schedule: Schedule
) -> tuple[dict[str, float], dict[str, float]]:
    r"""Return the energy that each member supplies to the others, and receives from them, in kWh.

    In each step a member's position is its net load and its part of what the pool of batteries
    draws, by the capacity that it owns. What is imported is drawn by those who are short, in
    proportion; what is exported is fed in by those who have too much. The rest stays inside:

    .. math:: S_i = \sum_t a_{it}^- \Bigl( 1 - \frac{e_t}{\sum_j a_{jt}^-} \Bigr), \qquad
              R_i = \sum_t a_{it}^+ \Bigl( 1 - \frac{g_t}{\sum_j a_{jt}^+} \Bigr)

    with positions a in kWh, imports g and exports e.

    Parameters
    ----------
    community : Community
        The community in the period of the schedule, n members.
    schedule : Schedule
        What :meth:`sesgame.energy.Community.dispatch` has found for all members, or some.

    Returns
    -------
    supplied, received : dict of str to float
        By member of the schedule. Both have the same sum; what is bought together takes part as
        somebody of its own.

    Raises
    ------
    GameError
        The schedule is of other members, or of another period.

    Notes
    -----
    O(n T). Weights for Nash bargaining are made of it by :func:`sesgame.contribution_weights`.

    Examples
    --------
    Ann's PV feeds bob at noon; what bob does not need is sold:

    >>> import sesgame as sg
    >>> community = sg.energy.Community(
    ...     members=["ann", "bob"],
    ...     steps=["2016-06-01T12:00", "2016-06-01T13:00"],
    ...     load_kwh=[[0.0, 1.0], [2.0, 1.0]],
    ...     pv_kwh=[[5.0, 0.0], [0.0, 0.0]],
    ...     tariff=sg.energy.Tariff.flat(0.30, 0.08),
    ... )
    >>> sg.energy.exchanged_energy(community, community.dispatch())
    ({'ann': 2.0, 'bob': 0.0}, {'ann': 0.0, 'bob': 2.0})
    """
    if not hasattr(community, "net_load_kwh"):
        raise GameError(f"exchanged energy is of a Community, not of {community!r}")
    position, bought = positions(community, schedule)
    if bought is not None:
        position = np.vstack([position, bought])
    supplied = _inside(np.maximum(-position, 0.0), schedule.grid_export_kwh)
    received = _inside(np.maximum(position, 0.0), schedule.grid_import_kwh)
    return (
        dict(zip(schedule.members, supplied.tolist(), strict=False)),
        dict(zip(schedule.members, received.tolist(), strict=False)),
    )


def _inside(energy: NDArray[np.float64], outside: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much of the energy in each row does not pass the meter of all together."""
    total = energy.sum(axis=0)
    part = np.divide(outside, total, out=np.ones_like(total), where=total > 0)
    inside: NDArray[np.float64] = energy @ np.clip(1.0 - part, 0.0, 1.0)
    return inside
