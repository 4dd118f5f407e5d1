"""What the statutes of communities make of a premium, to compare with the core of its game."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from sesgame.energy.dispatch.dual_prices import RELATIVE_TOLERANCE
from sesgame.energy.premiums.premium_result import SharingPremium
from sesgame.energy.premiums.whole_hours import by_hour
from sesgame.energy.scarce_side import scarce_side
from sesgame.errors import GameError
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.game.players import Players

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Statute", "premium_shares"]

Statute = Literal["per head", "by use", "to the scarce side"]
"""How statutes divide a premium."""


@checked_arguments
def premium_shares(
    premium: SharingPremium, statute: Statute, *, part_of_plants: float = 0.0
) -> Allocation:
    r"""Return what each member has of a premium under the rule of a community's statutes.

    Parameters
    ----------
    premium : SharingPremium
    statute : {"per head", "by use", "to the scarce side"}
        ``per head``: to all members alike. ``by use``: each hour's premium under a substation to
        those who draw in it, in proportion; a part of it to the plants that earn it.
        ``to the scarce side``: in each hour all to those who feed in where that is less than what
        is drawn, each plant what it earns; all to those who draw where it is more; half each where
        it is the same.
    part_of_plants : float, default 0
        Of ``by use``: the part, in [0, 1], that each plant keeps of what it earns.

    Returns
    -------
    Allocation
        Gains that add up to the premium. To audit on ``premium.game()``.

    Raises
    ------
    GameError
        There is no such statute, the part is not in [0, 1], or it is given with another statute.

    Notes
    -----
    O(P T) for P points. Where all plants under a substation have one premium in each hour, what
    goes to the scarce side is in the core of :meth:`SharingPremium.game`: all or nothing of the
    premium for a kWh drawn, and the rest for one fed in, are dual prices of each hour. The other
    statutes promise nothing of that.

    Examples
    --------
    >>> import numpy as np
    >>> import sesgame as sg
    >>> point, flat = sg.energy.MeteringPoint, sg.energy.Tariff.flat
    >>> world = sg.energy.PublicGrid(
    ...     points=[
    ...         point(name="p1", member="roof", contract="any", export_kwh=[8.0, 2.0]),
    ...         point(name="p2", member="school", contract="any", import_kwh=[4.0, 5.0]),
    ...         point(name="p3", member="home", contract="any", import_kwh=[1.0, 3.0]),
    ...     ],
    ...     steps=sg.energy.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 2),
    ...     contracts=[sg.energy.Contract(name="any", energy=flat(0.30, 0.08))],
    ... )
    >>> roof = sg.energy.PremiumPlant(power_kw=50, zone="south", technology="photovoltaic")
    >>> premium = sg.energy.sharing_premium(
    ...     world,
    ...     sg.energy.PremiumScheme.shipped("italy_2024"),
    ...     plants={"p1": roof},
    ...     zonal_price_per_kwh=0.20,
    ... )
    >>> for statute in ("per head", "by use", "to the scarce side"):
    ...     shares = sg.energy.premium_shares(premium, statute)
    ...     print(shares.values.round(3).tolist(), sg.audit(premium.game(), shares).in_core)
    [0.187, 0.187, 0.187] False
    [0.0, 0.42, 0.14] False
    [0.16, 0.32, 0.08] True
    """
    if not isinstance(statute, str) or statute not in get_args(Statute):
        raise GameError(f"statute is {statute!r}; it must be {', '.join(get_args(Statute))}")
    if not 0 <= part_of_plants <= 1:
        raise GameError(f"part_of_plants is {part_of_plants}; it must be in [0, 1]")
    if part_of_plants and statute != "by use":
        raise GameError(f'part_of_plants belongs to "by use", and not to {statute!r}')
    members = premium.world.members
    if statute == "per head":
        values = np.full(len(members), premium.total / len(members))
    else:
        values = _by_hour(premium, _part_of_plants(premium, statute, part_of_plants))
    kept = f", {part_of_plants:.0%} to plants" if part_of_plants else ""
    return Allocation(
        players=Players(members),
        values=values,
        kind="gain",
        method=f"premium {statute}{kept}",
        tolerance=RELATIVE_TOLERANCE * premium.total,
    )


def _part_of_plants(premium: SharingPremium, statute: Statute, part: float) -> Array:
    """Return the part of each hour's premium that plants keep, shape (Z, H)."""
    if statute == "by use":
        return np.full_like(premium.shared_kwh, part)
    kept: Array = (1 + scarce_side(premium.withdrawn_kwh, premium.injected_kwh)) / 2
    return kept


def _by_hour(premium: SharingPremium, kept: Array) -> Array:
    """Return what members have where plants keep a part, and who draws has the rest."""
    world, shape = premium.world, premium.shared_kwh.shape
    row = {member: number for number, member in enumerate(world.members)}
    zone = {name: number for number, name in enumerate(premium.substations)}
    owner = {point.name: row[point.member] for point in world.points}
    values = np.zeros(len(row))
    home, earned = premium.substation_of_plant, premium.premium
    for number, name in enumerate(premium.plants):
        values[owner[name]] += (earned[number] * kept[home[number]]).sum()
    withdrawn = premium.withdrawn_kwh
    rest = premium.premium_by_hour * (1 - kept)
    per_kwh = np.divide(rest, withdrawn, out=np.zeros(shape), where=withdrawn > 0)
    for point in world.points:
        drawn = by_hour(point.shared_import_kwh, shape[1])
        values[row[point.member]] += (drawn * per_kwh[zone[point.zone]]).sum()
    return values
