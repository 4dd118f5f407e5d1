"""What a change of key costs each member."""

from __future__ import annotations

import numpy as np

from sesgame.energy.sharing_keys.shared_generation import SharedGeneration
from sesgame.errors import AllocationError
from sesgame.formatting import named, short_coalition
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments

__all__ = ["change_in_bills"]


@checked_arguments
def change_in_bills(before: Allocation, after: Allocation) -> Allocation:
    r"""Return what each member pays more after a change, of a key or of any other rule.

    .. math:: \Delta_i = x_i - y_i

    Parameters
    ----------
    before, after : Allocation
        Bills of the same members: y and x.

    Returns
    -------
    Allocation
        Costs: negative where a member pays less. They add up to what all pay more together.

    Raises
    ------
    AllocationError
        One of them is no allocation of costs, they are of other members, or both are bills under
        a key and of other steps.

    Notes
    -----
    O(n). Whoever loses has a reason to vote against the change, even where all together save.

    Examples
    --------
    >>> import sesgame as sg
    >>> members = ["ann", "bob"]
    >>> static = sg.Allocation(members, [3.0, 4.0], kind="cost", method="sharing key (static)")
    >>> dynamic = sg.Allocation(members, [2.0, 4.5], kind="cost", method="sharing key (dynamic)")
    >>> dict(sg.energy.change_in_bills(static, dynamic))
    {'ann': -1.0, 'bob': 0.5}
    """
    for name, bills in (("before", before), ("after", after)):
        if bills.kind != "cost":
            raise AllocationError(f"{name} must be bills, got a {bills.kind} by {named(bills)}")
    missing = [member for member in before.players if member not in after.players]
    unknown = [member for member in after.players if member not in before.players]
    if missing or unknown:
        raise AllocationError(
            f"bills before and after are of other members: only before "
            f"{short_coalition(missing)}, only after {short_coalition(unknown)}"
        )
    periods = [
        bills.evidence.steps
        for bills in (before, after)
        if isinstance(bills.evidence, SharedGeneration)
    ]
    if periods[1:] and periods[0] != periods[1]:
        first, second = (each.in_calendar for each in periods)
        raise AllocationError(
            f"bills before are of {first} ({periods[0].n_steps} steps), and after of {second} "
            f"({periods[1].n_steps} steps): what they differ in is no change of key"
        )
    return Allocation(
        players=before.players,
        values=np.array([after[member] - before[member] for member in before.players]),
        kind="cost",
        method=f"change from {before.method} to {after.method}",
        tolerance=before.tolerance + after.tolerance,
    )
