"""What a premium on shared energy comes to: by hour, plant and class of size, and as a game."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.dispatch.dual_prices import RELATIVE_TOLERANCE
from sesgame.energy.premiums.premium_game import PremiumGame
from sesgame.energy.premiums.premium_scheme import PowerClass, PremiumPlant, PremiumScheme
from sesgame.energy.premiums.shared_energy_game import shared_energy_game
from sesgame.energy.premiums.whole_hours import by_hour
from sesgame.energy.public_grid.public_grid import PublicGrid
from sesgame.energy.time_steps import TimeSteps
from sesgame.errors import AllocationError
from sesgame.formatting import count, short_coalition
from sesgame.game.allocation import Allocation
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.game.game import Game

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["ClassPremium", "SetApart", "SharingPremium"]


@dataclass(frozen=True, eq=False)
class ClassPremium(ByValue):
    """What plants of one size earn together, by hour.

    Attributes
    ----------
    power_class : PowerClass
    plants : tuple of str
        Their points.
    injected_kwh, shared_kwh, premium : ndarray of shape (H,)
        What they feed in, what of it is shared, and what that earns.
    """

    power_class: PowerClass
    plants: tuple[str, ...]
    injected_kwh: Array
    shared_kwh: Array
    premium: Array


@dataclass(frozen=True)
class SetApart:
    r"""What of the premium of plants under one substation belongs to some members only.

    With the part e of what they feed in that is shared, and the threshold h, it is
    :math:`(e - h)^+` of their premium.

    Attributes
    ----------
    substation : str
    with_grant : bool
        Whether these are the plants that a grant paid a part of, or the others.
    shared_part : float
        Of what they feed in in the period; 0 where they feed in nothing.
    threshold : float
    premium : float
        All that they earn.
    amount : float
        What is set apart of it.
    """

    substation: str
    with_grant: bool
    shared_part: float
    threshold: float
    premium: float
    amount: float


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class SharingPremium(ByValue):
    """The premium on shared energy of a community, by hour, plant and class of size.

    Attributes
    ----------
    scheme : PremiumScheme
    world : PublicGrid
        The community in the period.
    hours : TimeSteps
        The H hours; 23 or 25 of a day on which the clock changes.
    substations : tuple of str
        The Z zones of the points.
    injected_kwh, withdrawn_kwh, shared_kwh : ndarray of shape (Z, H)
        What all points under a substation feed in and draw, and the lesser of the two.
    plants : dict of str to PremiumPlant
        The K points that may feed in, in the order of the points.
    exempt : tuple of str
        The points whose withdrawal has no factor of a grant.
    zonal_price_per_kwh : ndarray of shape (Z, H)
    plant_injected_kwh, plant_shared_kwh : ndarray of shape (K, H)
        What a plant feeds in, and what of it counts as shared: a part as large as of the others.
    premium_per_kwh : ndarray of shape (K, H)
        The premium on a shared kWh of each plant, after the factor of a grant.
    set_apart : tuple of SetApart
        By substation, for plants without and with a grant.
    readings : tuple of str
        What was chosen where the law leaves a choice, in sentences.
    """

    scheme: PremiumScheme
    world: PublicGrid
    hours: TimeSteps
    substations: tuple[str, ...]
    injected_kwh: Array
    withdrawn_kwh: Array
    shared_kwh: Array
    plants: dict[str, PremiumPlant]
    exempt: tuple[str, ...]
    zonal_price_per_kwh: Array
    plant_injected_kwh: Array
    plant_shared_kwh: Array
    premium_per_kwh: Array
    set_apart: tuple[SetApart, ...]
    readings: tuple[str, ...]

    @property
    def premium(self) -> Array:
        """What each plant's shared energy earns in each hour, shape (K, H)."""
        return self.plant_shared_kwh * self.premium_per_kwh

    @property
    def premium_by_hour(self) -> Array:
        """What is earned under each substation in each hour, shape (Z, H)."""
        earned = np.zeros_like(self.shared_kwh)
        np.add.at(earned, self.substation_of_plant, self.premium)
        return earned

    @property
    def substation_of_plant(self) -> NDArray[np.int64]:
        """The number of each plant's substation, shape (K,)."""
        zones = {point.name: point.zone for point in self.world.points}
        return np.array([self.substations.index(zones[name]) for name in self.plants], np.int64)

    @property
    def total(self) -> float:
        """All that is earned."""
        return float(self.premium.sum())

    @property
    def total_set_apart(self) -> float:
        """What of :attr:`total` is set apart for some members or ends."""
        return sum(part.amount for part in self.set_apart)

    @checked_arguments
    def taken_of_set_apart(self, shares: Allocation, excluded: Iterable[Hashable]) -> float:
        r"""Return how much of what is set apart members have who may have nothing of it.

        .. math:: \Bigl( \sum_{i \in \text{excluded}} x_i - (\text{total} - A) \Bigr)^+

        with all that is set apart, A. A division of the premium with 0 is in order.

        Parameters
        ----------
        shares : Allocation
            A division of :attr:`total` among the members.
        excluded : iterable of hashable
            The members for whom nothing is set apart, such as businesses.

        Raises
        ------
        AllocationError
            The shares are not of the members, do not add up to the premium, or somebody excluded is
            no member.

        Examples
        --------
        >>> import numpy as np
        >>> import sesgame as sg
        >>> point, flat = sg.energy.MeteringPoint, sg.energy.Tariff.flat
        >>> world = sg.energy.PublicGrid(
        ...     points=[
        ...         point(name="p1", member="farm", contract="any", export_kwh=[10.0]),
        ...         point(name="p2", member="home", contract="any", import_kwh=[10.0]),
        ...     ],
        ...     steps=sg.energy.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 1),
        ...     contracts=[sg.energy.Contract(name="any", energy=flat(0.30, 0.08))],
        ... )
        >>> farm = sg.energy.PremiumPlant(power_kw=50, zone="south", technology="photovoltaic")
        >>> premium = sg.energy.sharing_premium(
        ...     world,
        ...     sg.energy.PremiumScheme.shipped("italy_2024"),
        ...     plants={"p1": farm},
        ...     zonal_price_per_kwh=0.20,
        ... )
        >>> half = sg.shapley_value(premium.game())
        >>> round(premium.total_set_apart, 3), premium.taken_of_set_apart(half, ["farm"])
        (0.36, 0.0)
        >>> most = sg.energy.premium_shares(premium, "by use", part_of_plants=0.7)
        >>> round(premium.taken_of_set_apart(most, ["farm"]), 3)
        0.12
        """
        if shares.kind != "gain" or set(shares.players) != set(self.world.members):
            raise AllocationError(
                f"the shares must be gains of {short_coalition(self.world.members)}, got "
                f"{shares.kind}s of {short_coalition(tuple(shares.players))}"
            )
        # Premiums of hours are added up in another order than the shares are.
        slack = shares.tolerance + RELATIVE_TOLERANCE * self.total
        if abs(float(shares.values.sum()) - self.total) > slack:
            raise AllocationError(
                f"the shares add up to {float(shares.values.sum()):g}, and the premium is "
                f"{self.total:g}"
            )
        theirs = 0.0
        for member in dict.fromkeys(excluded):
            if member not in self.world.members:
                raise AllocationError(
                    f"{member!r} is not a member; the members are "
                    f"{short_coalition(self.world.members)}"
                )
            theirs += shares[member]
        return max(0.0, theirs - (self.total - self.total_set_apart))

    @property
    def by_class(self) -> tuple[ClassPremium, ...]:
        """What plants of each class earn together; classes without a plant are left out."""
        earned, names, found = self.premium, list(self.plants), []
        for power_class in self.scheme.power_classes:
            rows = [
                row
                for row, plant in enumerate(self.plants.values())
                if self.scheme.power_class(plant) == power_class
            ]
            if rows:
                found.append(
                    ClassPremium(
                        power_class,
                        tuple(names[row] for row in rows),
                        self.plant_injected_kwh[rows].sum(axis=0),
                        self.plant_shared_kwh[rows].sum(axis=0),
                        earned[rows].sum(axis=0),
                    )
                )
        return tuple(found)

    def member_energy(self) -> tuple[Array, Array]:
        """Return what each member feeds in and draws, by substation and hour.

        Returns
        -------
        injected_kwh, withdrawn_kwh : ndarray of shape (n, Z, H)
        """
        world, shape = self.world, (len(self.world.members), *self.shared_kwh.shape)
        row = {member: number for number, member in enumerate(world.members)}
        zone = {name: number for number, name in enumerate(self.substations)}
        injected, withdrawn = np.zeros(shape), np.zeros(shape)
        n_hours = self.hours.n_steps
        for point in world.points:
            place = row[point.member], zone[point.zone]
            injected[place] += by_hour(point.shared_export_kwh, n_hours)
            withdrawn[place] += by_hour(point.shared_import_kwh, n_hours)
        return injected, withdrawn

    def game(self) -> Game:
        """Return the game of the premium that coalitions would earn by themselves.

        Returns
        -------
        Game
            ``kind="gain"``; all members together earn :attr:`total`. Where all plants under a
            substation have one premium in each hour, it is that of
            :func:`~sesgame.energy.shared_energy_game`, native and totally balanced. Where they
            differ, or some withdrawal is exempt from the factor of a grant, each coalition's hours
            are divided among its plants as those of all are: a value costs O(n Z H) in NumPy, and
            the game need not be balanced.
        """
        members, rates = self.world.members, self._one_rate()
        # In other hours no coalition shares anything; a game needs one of them.
        shares = (self.shared_kwh > 0) | (not self.shared_kwh.any())
        injected, withdrawn = (energy[:, shares] for energy in self.member_energy())
        if rates is not None:
            return shared_energy_game(injected, withdrawn, rates[shares], players=members)
        by_grant = (energy[:, shares] for energy in self._by_grant())
        premium = PremiumGame(injected, withdrawn, *by_grant)
        return Game.from_function(members, premium, kind="gain", batched=True)

    def _one_rate(self) -> Array | None:
        """Return the premium under each substation by hour; None where plants differ in it."""
        if self.exempt and any(plant.grant for plant in self.plants.values()):
            return None  # who draws decides what a shared kWh earns
        place, rates = self.substation_of_plant, np.zeros_like(self.shared_kwh)
        feeds_in = self.plant_injected_kwh > 0
        for substation in range(len(self.substations)):
            own = place == substation
            here, fed_in = self.premium_per_kwh[own], feeds_in[own]
            highest = here.max(axis=0, where=fed_in, initial=0.0)
            if (fed_in & (here != highest)).any():
                return None
            rates[substation] = highest
        return rates

    def _by_grant(self) -> tuple[Array, Array, Array]:
        """Return of each member what it draws exempt, and what all it feeds in would earn.

        With the factor of grants, and what the factor takes; by substation and hour.
        """
        world, scheme, n_hours = self.world, self.scheme, self.hours.n_steps
        row = {member: number for number, member in enumerate(world.members)}
        zone = {name: number for number, name in enumerate(self.substations)}
        exempt = np.zeros((len(row), *self.shared_kwh.shape))
        earned, taken = exempt.copy(), exempt.copy()
        for point in world.points:
            place = row[point.member], zone[point.zone]
            if point.name in self.exempt:
                exempt[place] += by_hour(point.shared_import_kwh, n_hours)
            if point.name in self.plants:
                plant = self.plants[point.name]
                gross = scheme.per_kwh(plant, self.zonal_price_per_kwh[place[1]])
                gross = gross * by_hour(point.shared_export_kwh, n_hours)
                reduction = scheme.grant_reduction(plant)
                earned[place] += gross * (1 - reduction)
                taken[place] += gross * reduction
        return exempt, earned, taken

    def __repr__(self) -> str:
        return (
            f"SharingPremium({self.total:,.2f} {self.scheme.currency} on "
            f"{float(self.shared_kwh.sum()):,.1f} kWh of {count(self.hours.n_steps, 'hour')}, "
            f"{self.total_set_apart:,.2f} set apart)"
        )
