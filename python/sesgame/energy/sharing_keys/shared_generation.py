"""Bills under a sharing key: who pays what for energy from plants next door."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np

from sesgame.cached import cached_property
from sesgame.energy.dispatch.dual_prices import RELATIVE_TOLERANCE
from sesgame.energy.public_grid.public_grid import PublicGrid
from sesgame.energy.sharing_keys.key_options import KEY_OPTIONS, LOCAL_PRICE, UNUSED, key_of
from sesgame.energy.sharing_keys.local_terms import local_prices
from sesgame.energy.sharing_keys.sharing_bills import Sharing, SharingTotals, Unused
from sesgame.errors import GameError
from sesgame.files.json_text import plain
from sesgame.formatting import NAMED, short_coalition
from sesgame.game.allocation import Allocation, Amount, Evidence
from sesgame.game.by_value import equal
from sesgame.game.cost_basis import CostBasis
from sesgame.game.door import checked_arguments
from sesgame.game.players import Players
from sesgame.rule import Promise, Rule
from sesgame.stability.verification import Verification

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.energy.sharing_keys.sharing_key import SharingKey
    from sesgame.energy.time_steps import Moment, TimeSteps
    from sesgame.rule import AllocationProblem

    Array = NDArray[np.float64]

__all__ = ["SharedGeneration", "shared_generation"]

_UNUSED = {
    "plant": "What a consumer is assigned and does not use is surplus of the plant.",
    "owner": (
        "What a consumer is assigned and does not use is its own surplus, which it sells under its "
        "own contract."
    ),
}


@dataclass(frozen=True, eq=False)
class SharedGeneration(Evidence):
    """What a key assigns to each point, what is used of it, and what that leaves.

    Attributes
    ----------
    key : str
        What the key is called.
    readings : tuple of str
        Which of several readings of key and contracts the bills follow, in sentences.
    points : tuple of str
        All metering points.
    assigned_kwh, used_kwh, unused_kwh : ndarray of shape (points,)
        What each is assigned, uses and does not use of that; 0 for who draws nothing.
    plants : tuple of str
        The points that feed in.
    generated_kwh, shared_kwh, surplus_kwh : ndarray of shape (plants,)
        What each feeds in, what consumers use of it, and what it sells under its own contract;
        what is left is unused energy of consumers, where that is theirs.
    lost_kwh_by_step : ndarray of shape (T,)
        What could have been used in each step by somebody, and was not.
    cost : float
        What all pay together under the key.
    bills_without_sharing : ndarray of shape (n,)
        What contracts alone would bill each member, with what is in the game.
    unchanged_bills : ndarray of shape (n,)
        The part of each bill that no sharing changes: demand charges, and fees in the game.
    unused : {"plant", "owner"}
        Whose surplus is what a consumer is assigned and does not use.
    turnover : float
        All money that is owed for energy in any step.
    """

    key: str
    readings: tuple[str, ...]
    points: tuple[str, ...]
    assigned_kwh: NDArray[np.float64]
    used_kwh: NDArray[np.float64]
    unused_kwh: NDArray[np.float64]
    plants: tuple[str, ...]
    generated_kwh: NDArray[np.float64]
    shared_kwh: NDArray[np.float64]
    surplus_kwh: NDArray[np.float64]
    lost_kwh_by_step: NDArray[np.float64]
    cost: float
    bills_without_sharing: NDArray[np.float64]
    unchanged_bills: NDArray[np.float64]
    unused: Unused
    turnover: float
    _sharing: Sharing = field(metadata={"is_kept": False}, repr=False)

    @property
    def arrangement(self) -> float:
        """What all pay under the key, in general more than the cheapest way to share."""
        return self.cost

    @property
    def steps(self) -> TimeSteps:
        """Those that bills are of."""
        return self._sharing.world.steps

    @property
    def n_evaluations(self) -> int:
        """None: a key looks at no coalition."""
        return 0

    @property
    def manner(self) -> str:
        """Which key it is."""
        return self.key

    @property
    def lost_kwh(self) -> float:
        """What could have been used by somebody and was not, in all steps."""
        return float(self.lost_kwh_by_step.sum())

    @property
    def basis(self) -> CostBasis:
        """The community in the steps that are billed, under the contracts of its points."""
        return self._basis

    @cached_property
    def _basis(self) -> CostBasis:
        world = self._sharing.world
        return CostBasis.of(world.cost_game(), world.cost_terms())

    @cached_property
    def optimum(self) -> float:
        """The cost of all in the game of sharing, v(N): each kWh where it is worth most."""
        game = self._sharing.world.cost_game()
        return float(game.value(game.players))

    @property
    def lost_money(self) -> float:
        """What the key loses: what all pay under it, less v(N).

        Negative where who sells what it does not use has a better contract than the plant.
        """
        return self.cost - self.optimum

    def by_point(self) -> Iterator[tuple[str, Array, Array]]:
        """Yield each consumer, what it is assigned and what it uses, of shape (T,) each."""
        for consumer in self._sharing.energy():
            assigned, used = (
                np.sum(flows, axis=0) for flows in (consumer.assigned_kwh, consumer.used_kwh)
            )
            yield consumer.point.name, assigned, used

    def assigned_by_step(self) -> NDArray[np.float64]:
        """Return what each point is assigned in each step, shape (points, T)."""
        return self._table({point: assigned for point, assigned, _ in self.by_point()})

    def used_by_step(self) -> NDArray[np.float64]:
        """Return what each point uses of that in each step, shape (points, T)."""
        return self._table({point: used for point, _, used in self.by_point()})

    def _table(self, rows: Mapping[str, Array]) -> Array:
        nothing = np.zeros(len(self.lost_kwh_by_step))
        return np.array([rows.get(point, nothing) for point in self.points])

    def given_kwh(self) -> NDArray[np.float64]:
        """Return how much each point uses of each plant, shape (plants, points)."""
        energy, row = self._sharing.energy(), {name: k for k, name in enumerate(self.plants)}
        column = {name: k for k, name in enumerate(self.points)}
        found = np.zeros((len(row), len(column)))
        parts = [
            [(row[plant], energy.part_of_plant(number, plant)) for plant in source.plants]
            for number, source in enumerate(energy.sources)
        ]
        for consumer in energy:
            for used, plants in zip(consumer.used_kwh, parts, strict=True):
                for plant, part in plants:
                    found[plant, column[consumer.point.name]] += np.einsum("t,t->", used, part)
        return found

    def bills_by_step(self) -> NDArray[np.float64]:
        """Return what each member pays for energy in each step, shape (n, T).

        Rows and `unchanged_bills` add up to the bills.
        """
        return self._sharing.bills_by_step()

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return who pays more than without sharing."""
        more = allocation.values - self.bills_without_sharing
        worse = np.flatnonzero(more > allocation.tolerance).tolist()
        if not worse:
            return []
        whose = short_coalition([allocation.players[member] for member in worse])
        return [
            f"{whose}: billed more than contracts would bill without sharing, by "
            f"{amount(float(more[worse].max()))} at most."
        ]

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return how much was shared and lost, and how the key was read."""
        generated, shared = float(self.generated_kwh.sum()), float(self.shared_kwh.sum())
        found = [
            f"The {self.key} key shares {shared:,.1f} of {generated:,.1f} kWh that plants feed in."
        ]
        if self.lost_kwh > 0:
            found[0] += f" {self.lost_kwh:,.1f} kWh more could have been used in the same steps."
        lost = self.lost_money
        if lost > allocation.tolerance:
            found.append(
                f"The key loses {amount(lost)}: so much less would all pay together if each kWh "
                f"went where it is worth most."
            )
        elif lost < -allocation.tolerance:
            found.append(
                f"All pay {amount(-lost)} less than in the game of sharing, since who does not use "
                f"assigned energy sells it under a better contract than the plant has."
            )
        else:
            found.append("The key loses nothing: every kWh goes where it is worth most.")
        found += self.readings
        found.append(
            "A key looks at no group: whether one could do better on its own is for the audit to "
            "say."
        )
        return found

    def verify(self, game: Any, oracle: object = None, *, exact: bool = False) -> Verification:
        """Check energy and money of each step against registers, contracts and the game.

        Parameters
        ----------
        game : Game
            The game of the community.
        oracle : optional
            Not asked: nothing here rests on the word of one.
        exact : bool, default False
            Makes no difference: readings have no fractions.

        Returns
        -------
        Verification
            Refuted where nobody can use so much, plants do not deliver it, local payments do not
            balance, the game is another one, or a field is not what comes out again.
        """
        failures = self._sharing.imbalances()
        _, again = _settled(self._sharing)
        money = RELATIVE_TOLERANCE * (again.turnover + float(np.abs(again.unchanged_bills).sum()))
        slack = money + game.rounding
        total = game.value(game.players)
        if not abs(self.optimum - total) <= slack:
            failures.append(
                f"the game has {total:g} for all together, and these points {self.optimum:g}"
            )
        bills = self._sharing.bills_by_step().sum(axis=1) + again.unchanged_bills
        if not abs(self.cost - bills.sum()) <= slack:
            failures.append(f"all together pay {self.cost:g}; the bills add up to {bills.sum():g}")
        energy = RELATIVE_TOLERANCE * float(again.generated_kwh.sum())
        failures += [
            f"{name} is another than key, registers and contracts give"
            for name in self._kept()
            if not _is_same(
                getattr(self, name), getattr(again, name), energy if "_kwh" in name else slack
            )
        ]
        return Verification(
            claim=f"bills under the {self.key} key, in balance in each step",
            failures=tuple(failures),
            exact=False,
            values=tuple(bills.tolist()),
            checked_by="working it out again from registers, contracts and key",
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in the types that JSON knows, without readings of meters."""
        own = {name: plain(getattr(self, name)) for name in self._kept()}
        return {**own, "lost_kwh": self.lost_kwh}

    def _kept(self) -> list[str]:
        """Return the names of the fields that are results."""
        return [field.name for field in fields(self) if not field.name.startswith("_")]


@checked_arguments
def shared_generation(
    world: PublicGrid,
    key: SharingKey,
    *,
    local_price_per_kwh: ArrayLike | Mapping[str, ArrayLike],
    unused: Literal["plant", "owner"] = "plant",
    start: Moment | None = None,
    end: Moment | None = None,
) -> Allocation:
    r"""Return the bills where plants are shared by a key, at a local price.

    A consumer i draws c, and uses of what the key assigns it, a, as much as it draws. It pays the
    price b of its contract for the rest, and the local price p and the fee f for what it uses; the
    plant k sells at the price s of its contract what nobody uses:

    .. math:: u_{it} = \min(a_{it}, c_{it}), \qquad
              x_i = \sum_t b_{it} (c_{it} - u_{it}) + \sum_{k, t} (p_{kt} + f_{kit}) u_{kit}

    .. math:: x_k = - \sum_t \Bigl( p_{kt} \sum_i u_{kit}
              + s_{kt} \bigl( g_{kt} - \sum_i u_{kit} \bigr) \Bigr)

    A key of the common generation takes each kWh from all plants, in proportion to what they feed
    in, :math:`u_{kit} = u_{it} g_{kt} / g_t`. With ``unused="owner"`` a consumer sells
    :math:`a - u` under its own contract, and the plant only what is assigned to nobody.

    Parameters
    ----------
    world : PublicGrid
        Points with contracts, and the fee of a shared kWh. Consumption is what import registers
        say, generation what export registers say; both are as meters have them, after whatever is
        used behind the meter. A point that is not there all the time has zeros.
    key : SharingKey
        Of points by their names.
    local_price_per_kwh : float, array_like of shape (T,), or mapping of str to either
        What a consumer pays the plant for a shared kWh, in all steps of the world; or for each
        plant by its name.
    unused : {"plant", "owner"}, default "plant"
        Whose surplus is what a consumer is assigned and does not use: in France, Austria and
        Germany the plant's, in Spain the consumer's.
    start, end : str, datetime64 or datetime, optional
        The steps that start in ``[start, end)``; by default all.

    Returns
    -------
    Allocation
        Costs, with :class:`~sesgame.evidence.SharedGeneration` as evidence; bills have also demand
        charges and fees in the game, which sharing does not change. They add up to what all pay
        under the key, which is more than v(N) of ``world.cost_game()`` where the key loses
        something. They need not be in the core, nor below what somebody pays alone:
        :func:`sesgame.audit` says by how much.

    Raises
    ------
    GameError
        The key names a point that is not there, leaves out one that draws energy, or does not cover
        the steps; a plant has no price; the period is empty or reaches beyond the data; the
        community has storage with foresight, or own points that never share.

    Notes
    -----
    O(n T), without coalitions, in two passes over the registers, and a few numbers for each step:
    1,000 points in a year of quarter-hours take half a second. :class:`EqualKey` and
    :class:`PairwiseKey` take a few passes more.

    Examples
    --------
    A roof, and two neighbours with suppliers at 0.30, who pay the roof 0.15 for each kWh that they
    share and a reduced grid fee of 0.05:

    >>> import numpy as np
    >>> import sesgame as sg
    >>> point = sg.energy.MeteringPoint
    >>> world = sg.energy.PublicGrid(
    ...     points=[
    ...         point(name="p1", member="roof", contract="basic", export_kwh=[100.0]),
    ...         point(name="p2", member="ann", contract="basic", import_kwh=[45.0]),
    ...         point(name="p3", member="bob", contract="basic", import_kwh=[80.0]),
    ...     ],
    ...     steps=sg.energy.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 1),
    ...     contracts=[sg.energy.Contract(name="basic", energy=sg.energy.Tariff.flat(0.30, 0.08))],
    ...     fee_per_kwh=0.05,
    ... )
    >>> key = sg.energy.StaticKey({"p2": 0.5, "p3": 0.5})
    >>> bills = sg.energy.shared_generation(world, key, local_price_per_kwh=0.15)
    >>> {member: round(bill, 2) for member, bill in bills.items()}
    {'roof': -14.65, 'ann': 9.0, 'bob': 19.0}
    >>> bills.evidence.used_kwh.tolist(), round(bills.evidence.lost_kwh, 6)
    ([0.0, 45.0, 50.0], 5.0)
    >>> round(bills.evidence.lost_money, 6)
    0.85
    """
    if unused not in get_args(Unused):
        raise GameError(f'unused must be "plant" or "owner", got {unused!r}')
    part, period = world.period(start, end), world.steps.period(start, end)
    prices = local_prices(local_price_per_kwh, world, period)
    named = tuple(local_price_per_kwh) if isinstance(local_price_per_kwh, Mapping) else ()
    sharing = Sharing(part, key, prices, unused, named)
    bills, evidence = _settled(sharing)
    allocation = Allocation(
        Players(part.members),
        bills,
        kind="cost",
        method=SHARING_KEY.method(evidence),
        tolerance=RELATIVE_TOLERANCE * evidence.turnover,
        evidence=evidence,
    )
    return SHARING_KEY.made(allocation)


def _settled(sharing: Sharing) -> tuple[Array, SharedGeneration]:
    """Return the bills of members, and what they rest on."""
    world, key, found = sharing.world, sharing.key, sharing.totals()
    priced = _prices_of_plants(found, sharing.prices)
    idle = tuple(point for point in sharing.priced if point not in priced)
    unchanged = world._constants()
    bills = sharing.by_member(found.shared) + unchanged
    return bills, SharedGeneration(
        key=key.title,
        readings=_readings(world, key, sharing.unused, priced, idle),
        points=tuple(point.name for point in world.points),
        assigned_kwh=found.assigned_kwh,
        used_kwh=found.used_kwh,
        unused_kwh=found.assigned_kwh - found.used_kwh,
        plants=found.plants,
        generated_kwh=found.generated_kwh,
        shared_kwh=found.shared_kwh,
        surplus_kwh=found.surplus_kwh,
        lost_kwh_by_step=found.lost_kwh_by_step,
        cost=float(bills.sum()),
        bills_without_sharing=sharing.by_member(found.alone) + unchanged,
        unchanged_bills=unchanged,
        unused=sharing.unused,
        turnover=found.turnover,
        _sharing=sharing,
    )


def _is_same(given: object, found: object, slack: float) -> bool:
    """Tell whether a field is what was found, but for the rounding of numbers."""
    if not isinstance(found, (float, np.ndarray)):
        return equal(given, found)
    numbers = np.asarray(given)
    return numbers.shape == np.shape(found) and bool((np.abs(numbers - found) <= slack).all())


def _prices_of_plants(
    found: SharingTotals, prices: Mapping[str, Array]
) -> dict[str, tuple[float, float]]:
    """Return the least and the greatest local price of each plant that feeds in."""
    plants = [found.plants[k] for k in np.flatnonzero(found.generated_kwh > 0)]
    return {plant: (float(prices[plant].min()), float(prices[plant].max())) for plant in plants}


def _readings(
    world: PublicGrid,
    key: SharingKey,
    unused: Unused,
    prices: Mapping[str, tuple[float, float]],
    idle: tuple[str, ...],
) -> tuple[str, ...]:
    """Return in sentences how key, meters, contracts and local prices were read."""
    found = list(key.readings)
    if len(prices) > 1 and not key.plants:
        found.append("Each shared kWh is from all plants, in proportion to what they feed in.")
    if prices:
        found.append(f"The local price of a shared kWh is {_in_words(prices, world.currency)}.")
    if idle:
        found.append(f"The local price of {short_coalition(idle)} is for nothing: none feeds in.")
    found.append(_UNUSED[unused])
    if world.in_part:
        found.append(f"Counted: {'; '.join(world.in_part)}.")
    if world.outside_game:
        found.append(f"Outside the game, and not in these bills: {', '.join(world.outside_game)}.")
    return tuple(found)


def _in_words(prices: Mapping[str, tuple[float, float]], currency: str) -> str:
    plants: dict[tuple[float, float], list[str]] = {}
    for plant, span in prices.items():
        plants.setdefault(span, []).append(plant)
    if len(plants) == 1:
        return _between(*prices[next(iter(prices))], currency)
    if len(plants) > NAMED:
        low, high = zip(*plants, strict=True)
        return f"{_between(min(low), max(high), currency)}, by plant"
    return ", ".join(
        f"{_between(*span, currency)} from {short_coalition(each)}" for span, each in plants.items()
    )


def _between(low: float, high: float, currency: str) -> str:
    return f"{low:g} {currency}" if low == high else f"{low:g} to {high:g} {currency}"


def _apply(problem: AllocationProblem) -> Allocation:
    world, unused = cast("PublicGrid", problem.world), problem.get(UNUSED)
    return shared_generation(
        world,
        key_of(problem, world.steps),
        local_price_per_kwh=problem[LOCAL_PRICE],
        unused="plant" if unused is None else unused,
    )


SHARING_KEY = Rule(
    name="sharing-key",
    title="sharing key",
    apply=_apply,
    promises=frozenset({Promise.UNIQUE}),
    options=KEY_OPTIONS,
    worlds=(PublicGrid,),
    meaning=(
        "What plants feed in is assigned to points by a key that law or contract prescribe. Who "
        "uses a kWh of it pays the local price and the fee of sharing instead of the price of the "
        "own supplier; what nobody uses is sold."
    ),
    page="concepts/sharing-keys",
    sources=("rd244", "ted1247", "thomson2003"),
)
