"""Storage shared under a tariff of two periods, in closed form."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.cached import cached_property
from sesgame.energy.cost_terms import NOTHING_BOUGHT, weighed_in_words
from sesgame.energy.dispatch.dual_prices import DualBills
from sesgame.energy.dispatch.linear import MAX_LISTED_PLAYERS
from sesgame.energy.dispatch.separation import DispatchOracle
from sesgame.energy.risk import Risk
from sesgame.energy.scenario_settlement import (
    ScenarioSettlement,
    number_of,
    settled,
    shares_of,
)
from sesgame.energy.two_period_files import read_two_period_files
from sesgame.energy.two_period_prices import (
    RELATIVE_TOLERANCE,
    TwoPeriodPrices,
    TwoPeriodRiskPrices,
)
from sesgame.energy.two_period_risk import TwoPeriodRisk
from sesgame.energy.two_period_world import TwoPeriodWorld
from sesgame.errors import GameError
from sesgame.formatting import count
from sesgame.game.allocation import Allocation
from sesgame.game.cost_basis import CostTerms
from sesgame.game.door import checked_fields
from sesgame.game.game import MAX_TABLE_PLAYERS, Game
from sesgame.game.players import Players
from sesgame.game.precision import UNIT_ROUNDOFF
from sesgame.game.world import ScenarioEnergy
from sesgame.rule import AllocationProblem, Promise, Rule

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["TWO_PERIOD_PRICES", "TwoPeriodStorage"]


@checked_fields
class TwoPeriodStorage(TwoPeriodWorld):
    r"""Members who share storage under a tariff of two periods.

    Off peak, where energy costs :math:`\lambda_l`, member i uses :math:`x_{ik}` in scenario k, and
    at the peak, at :math:`\lambda_h`, :math:`y_{ik}`. Storage, which loses nothing, is charged off
    peak with what the peak will need. A coalition S has what its members own, C(S), and may buy
    more at :math:`\lambda_b` a kWh:

    .. math:: c(S) = \sum_{i \in S} k_i C_i + \lambda_l E[x(S) + y(S)]
              + \min_{b \ge 0} \lambda_b b + (\lambda_h - \lambda_l) E[(y(S) - C(S) - b)^+]

    with the capital cost :math:`k_i` of a kWh that i owns, which its owner bears whatever anybody
    does.

    The least cost has a closed form: :math:`(\lambda_h - \lambda_l) \sum_k q_k (y_k(S) - C(S))`
    where the scarcity q takes the probability of the scenarios with the highest peaks above C(S),
    up to :math:`\lambda_b / (\lambda_h - \lambda_l)` in all. Storage that is only bought costs
    :math:`\lambda_b` times the mean of the worst peaks (the conditional value at risk).

    Parameters
    ----------
    members : iterable of str
        One label for each of the n members.
    off_peak_kwh, peak_kwh : array_like of float, shape (n,) or (K, n)
        Energy of each member, for one day or K scenarios; at least 0.
    off_peak_price, peak_price : float
        For each kWh, ``0 <= off_peak_price <= peak_price``.
    capacity_kwh : array_like of float, shape (n,), optional
        The storage that each member owns; by default none.
    capital_cost_per_kwh : float or array_like of float, shape (n,), optional
        What a kWh that each member owns costs for the same time as the rest, at least 0: its
        capital times :func:`capital_recovery_factor`, over 365 for a day. By default nothing, as
        of storage that has been paid for.
    storage_price : float, optional
        For each kWh of storage that is bought, for the same time as the rest (a day, say): above 0.
        By default none can be bought.
    weights : iterable of float, shape (K,), optional
        The probability of each scenario; by default they are equal.
    currency : str, default "EUR"
        The unit of all money.
    name : str, default "two-period storage"
        For reports.
    risk : Risk, optional
        How all members weigh bad scenarios; by default they bear the mean. There is no closed form
        under a risk, but a linear program of K scenarios for each coalition.

    Raises
    ------
    GameError
        Shapes do not fit, or a number is out of its range.

    References
    ----------
    Chakraborty, Baeyens, Poolla, Khargonekar and Varaiya (2019), "Sharing storage in a smart grid:
    a coalitional game approach", IEEE Transactions on Smart Grid 10(4), 4379-4390: storage that
    members own, at its capital cost for a day, and storage that they buy together; here a coalition
    may do both.

    Examples
    --------
    Bob has the battery and Ann the peak. Two of her three kWh are shifted off peak, and she pays
    Bob all that this saves, because storage is short:

    >>> import sesgame as sg
    >>> sharing = sg.energy.TwoPeriodStorage(
    ...     ["ann", "bob"], [1, 1], [3, 0], off_peak_price=0.1, peak_price=0.4, capacity_kwh=[0, 2]
    ... )
    >>> bills = sharing.allocation()
    >>> bills.values.round(2).tolist(), sg.audit(sharing.cost_game(), bills).in_core
    ([1.3, -0.5], True)
    """

    def __init__(
        self,
        members: Iterable[Hashable],
        off_peak_kwh: ArrayLike,
        peak_kwh: ArrayLike,
        *,
        off_peak_price: float,
        peak_price: float,
        capacity_kwh: ArrayLike | None = None,
        capital_cost_per_kwh: ArrayLike | None = None,
        storage_price: float = math.inf,
        weights: Iterable[float] | None = None,
        currency: str = "EUR",
        name: str = "two-period storage",
        risk: Risk | None = None,
    ) -> None:
        self.risk: Risk | None = risk
        self.players = Players(members)
        self.currency = currency
        self.name = name
        n = len(self.players)
        self.peak_kwh = _amounts("peak_kwh", peak_kwh, self.players)
        self.off_peak_kwh = _amounts("off_peak_kwh", off_peak_kwh, self.players)
        count = len(self.peak_kwh)
        if len(self.off_peak_kwh) != count:
            raise GameError(
                f"off_peak_kwh has {len(self.off_peak_kwh)} scenarios, but peak_kwh has {count}"
            )
        owned = np.zeros(n) if capacity_kwh is None else capacity_kwh
        owned = _amounts("capacity_kwh", owned, self.players)
        if len(owned) != 1:
            raise GameError(f"capacity_kwh has {len(owned)} rows; storage is the same every day")
        self.capacity_kwh: NDArray[np.float64] = owned[0]
        capital = np.zeros(n) if capital_cost_per_kwh is None else capital_cost_per_kwh
        if np.ndim(capital) == 0:
            capital = np.full(n, capital)
        capital = _amounts("capital_cost_per_kwh", capital, self.players)
        if len(capital) != 1:
            raise GameError(
                f"capital_cost_per_kwh has {len(capital)} rows; storage costs the same every day"
            )
        self.capital_cost_per_kwh: NDArray[np.float64] = capital[0]
        if not (0 <= off_peak_price <= peak_price < math.inf):
            raise GameError(
                f"energy costs {off_peak_price} off peak and {peak_price} at the peak; the peak "
                f"must not be cheaper, and neither price negative"
            )
        if not storage_price > 0:
            raise GameError(f"storage_price must be positive, got {storage_price}")
        self.off_peak_price = float(off_peak_price)
        self.peak_price = float(peak_price)
        self.storage_price = float(storage_price)
        equal = [1 / count] * count
        given = np.array([float(w) for w in (equal if weights is None else weights)])
        if given.shape != (count,) or not (given > 0).all() or abs(given.sum() - 1) > 1e-9:
            raise GameError(
                f"the weights must be {count} positive numbers that sum to 1, one for each "
                f"scenario, got {given.tolist()}"
            )
        self.weights: NDArray[np.float64] = given

    @classmethod
    def from_csv(cls, folder: str | PathLike[str]) -> TwoPeriodStorage:
        """Read storage from a folder of CSV files.

        Parameters
        ----------
        folder : path
            With ``two_period.csv`` and ``energy.csv`` and, if needed, ``storage.csv``,
            ``weights.csv`` and ``risk.csv``; ``docs/file-formats.md`` describes them.

        Raises
        ------
        GameError
            A file is missing or wrong; the message names file, line and column.
        """
        return cls(**read_two_period_files(Path(folder)))

    def with_risk(self, risk: Risk | None) -> TwoPeriodStorage:
        """Return the same storage under another risk; under None its mean."""
        return TwoPeriodStorage(
            self.players,
            self.off_peak_kwh,
            self.peak_kwh,
            off_peak_price=self.off_peak_price,
            peak_price=self.peak_price,
            capacity_kwh=self.capacity_kwh,
            capital_cost_per_kwh=self.capital_cost_per_kwh,
            storage_price=self.storage_price,
            weights=self.weights.tolist(),
            currency=self.currency,
            name=self.name,
            risk=risk,
        )

    def max_listed_players(self, model: None = None) -> int:
        """Return for how many members every coalition may be evaluated."""
        return MAX_TABLE_PLAYERS if self._program is None else MAX_LISTED_PLAYERS

    def separation_oracle(self, *, model: None = None) -> DispatchOracle | None:
        """Return the separation oracle under a risk; the closed form of the mean has none."""
        self.chosen_model(model)
        program = self._program
        if program is None:
            return None
        bills = DualBills(program.bills(program.prices()), 0.0)
        return DispatchOracle(self.cost_game(), bills, program.game)

    def scenario_energy(self) -> list[ScenarioEnergy]:
        """Return what all members use in each scenario, by its number."""
        sums = zip(
            self.weights.tolist(),
            self.off_peak_kwh.sum(axis=1).tolist(),
            self.peak_kwh.sum(axis=1).tolist(),
            strict=True,
        )
        return [
            ScenarioEnergy(str(number), weight, {"off peak": off_peak, "at the peak": peak})
            for number, (weight, off_peak, peak) in enumerate(sums, start=1)
        ]

    def cost_terms(self, model: None = None) -> CostTerms:
        """Return what a member does alone, and what is bought; there is no calendar."""
        bought = NOTHING_BOUGHT
        if math.isfinite(self.storage_price):
            bought = f"storage at {self.storage_price:.12g} per kWh"
        if self.capital_cost_per_kwh.any():
            own = "owned storage at its capital cost"
            bought = f"{bought}; {own}" if math.isfinite(self.storage_price) else own
        return CostTerms(
            f"two periods, {weighed_in_words(self.weights.tolist(), self.risk_in_words)}",
            "each member for itself, with the storage that it owns or buys",
            bought,
        )

    @property
    def risk_in_words(self) -> str:
        """The risk that coalitions bear; empty where it is the mean."""
        return "" if self._program is None else self._program.risk.in_words

    def description(self, model: None = None) -> str:
        """Return in words the scenarios, the members and the prices; two lines."""
        prices = f"{self.off_peak_price:g} off peak and {self.peak_price:g} at the peak"
        if math.isfinite(self.storage_price):
            prices += f", storage at {self.storage_price:g}"
        if self.capital_cost_per_kwh.any():
            prices += ", owned storage at its capital cost"
        risk = self.risk_in_words and f", risk: {self.risk_in_words}"
        return (
            f"{count(len(self.weights), 'scenario')} of two periods{risk}\n"
            f"{count(len(self.players), 'member')}, energy at {prices} {self.currency} per kWh"
        )

    def origin(self, model: None = None) -> dict[str, Any]:
        """Return what a saved result says of where the game comes from."""
        price = self.storage_price if math.isfinite(self.storage_price) else None
        capital = self.capital_cost_per_kwh
        origin = {
            "off_peak_price": self.off_peak_price,
            "peak_price": self.peak_price,
            "storage_price": price,
            "weights": self.weights.tolist(),
            **({"capital_cost_per_kwh": capital.tolist()} if capital.any() else {}),
        }
        return origin if self.risk is None else {**origin, "risk": self.risk.to_dict()}

    def cost_game(self, *, model: None = None) -> Game:
        """Return the game in which each coalition bears its least expected cost, or least risk.

        O(K log K) for each coalition; under a risk a linear program of K scenarios.
        """
        self.chosen_model(model)
        if self._program is not None:
            additions = len(self.players) + len(self.weights)
            rounding = additions * UNIT_ROUNDOFF * self._turnover
            return Game.from_native(
                self._program.game(), self.players, kind="cost", rounding=rounding
            )
        return Game.from_function(self.players, self._costs, kind="cost", batched=True)

    def allocation(self) -> Allocation:
        r"""Return bills in the core, from the prices of the whole community.

        .. math:: k_i C_i + \lambda_l E[x_i + y_i]
                  + (\lambda_h - \lambda_l) \sum_k q_k (y_{ik} - C_i)

        with the scarcity q of all members together. They add up to their cost, and no coalition
        pays more than its own: its cost is the largest such sum over all scarcities that are
        possible. Scenarios in which all are equally short, rounding aside, are scarce in
        proportion to their probabilities.

        Under a risk, with the weights :math:`\pi_k` of the scenarios and the dual prices
        :math:`\mu_k` of their peaks, :math:`k_i C_i + \lambda_l \sum_k \pi_k (x_{ik} + y_{ik}) +
        \sum_k \mu_k (y_{ik} - C_i)`; where several are optimal, those at which the simplex method
        ends, and ``evidence.lowest`` and ``highest`` say between what each bill lies.
        """
        if self._program is not None:
            return self._at_risk(self._program)
        gap = self.peak_price - self.off_peak_price
        short = self._short_of_all()
        scarcity = self._scarcity(short[:, np.newaxis])[:, 0]
        # Scenarios that are equally short are equally scarce, whichever comes first.
        for level in np.unique(short):
            equal = short == level
            scarcity[equal] = self.weights[equal] * (
                scarcity[equal].sum() / self.weights[equal].sum()
            )
        bills = self._base() + gap * (scarcity @ (self.peak_kwh - self.capacity_kwh))
        worth = gap * float(scarcity.sum())
        used = short[scarcity > RELATIVE_TOLERANCE * self.weights]
        # Storage is bought up to the least of the peaks in which all of it is used.
        is_bought = used.size > 0 and worth >= self.storage_price * (1 - RELATIVE_TOLERANCE)
        turnover = float(self._base().sum() + gap * (scarcity @ self.peak_kwh).sum())
        allocation = Allocation(
            self.players,
            bills,
            kind="cost",
            method=TWO_PERIOD_PRICES.title,
            tolerance=RELATIVE_TOLERANCE * turnover,
            evidence=TwoPeriodPrices(scarcity, worth, float(used.min()) if is_bought else 0.0),
        )
        return TWO_PERIOD_PRICES.made(allocation)

    def _at_risk(self, program: TwoPeriodRisk) -> Allocation:
        """Return the bills at the dual prices of the program of risks."""
        duals = program.prices()
        bills = program.bills(duals)
        gap = self.peak_price - self.off_peak_price
        allocation = Allocation(
            self.players,
            bills,
            kind="cost",
            method=TWO_PERIOD_PRICES.title,
            tolerance=RELATIVE_TOLERANCE * self._turnover,
            evidence=TwoPeriodRiskPrices(
                scarcity=duals.scarcity / gap if gap > 0 else np.zeros(len(duals.scarcity)),
                storage_price=float(duals.scarcity.sum()),
                bought_kwh=duals.bought_kwh,
                level=program.risk.level,
                weight=program.risk.weight,
                probabilities=self.weights,
                scenario_weights=duals.scenario_weights,
                scenario_costs=self._scenario_costs(duals.bought_kwh),
                lowest=np.minimum(duals.lowest, bills),
                highest=np.maximum(duals.highest, bills),
            ),
        )
        return TWO_PERIOD_PRICES.made(allocation)

    def settle(
        self,
        scenario: str | int,
        *,
        reserve: bool = True,
        when: str = "ex post",
        shares: Mapping[str, float] | None = None,
    ) -> ScenarioSettlement:
        r"""Return what members pay when a scenario has come to pass.

        As :meth:`Scenarios.settle <sesgame.energy.Scenarios.settle>` has it. At the peak of
        scenario k a kWh costs :math:`\lambda_l + \mu_k / \pi_k`, with what storage is worth there.

        Parameters
        ----------
        scenario : str or int
            Its number from 1.
        reserve, when, shares
            As there; the fixed fee is by default in proportion to the mean use.

        Raises
        ------
        GameError
            As there.

        Examples
        --------
        Storage for the worse of two days is bought for both. It is scarce on that one alone, and
        earns there more than it costs; the reserve keeps the difference for the other:

        >>> import sesgame as sg
        >>> sharing = sg.energy.TwoPeriodStorage(
        ...     ["ann", "bob"],
        ...     [[0, 0], [0, 0]],
        ...     [[6, 4], [1, 3]],
        ...     off_peak_price=0.1,
        ...     peak_price=0.3,
        ...     storage_price=0.12,
        ...     weights=[0.7, 0.3],
        ... )
        >>> [round(sharing.settle(day).reserve, 6) for day in (1, 2)]
        [0.514286, -1.2]
        """
        names = tuple(str(number) for number in range(1, len(self.weights) + 1))
        number = number_of(scenario, names)
        bills, weights, bought = self._scenario_bills()
        used = (self.weights[:, np.newaxis] * (self.off_peak_kwh + self.peak_kwh)).sum(axis=0)
        return settled(
            tuple(self.players),
            names[number],
            number,
            bills=bills,
            costs=self._scenario_costs(bought),
            probabilities=self.weights,
            scenario_weights=weights,
            invested=self._invested(bought),
            shares=shares_of(tuple(self.players), shares, used),
            reserve=reserve,
            when=when,
        )

    def _scenario_bills(self) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Return the bills of each scenario, shape (n, K), the weights, and what is bought."""
        program = self._program
        if program is not None:
            duals = program.prices()
            short = self._short_of_all() - duals.bought_kwh
            return program.scenario_bills(duals, short), duals.scenario_weights, duals.bought_kwh
        evidence = self.allocation().evidence
        assert isinstance(evidence, TwoPeriodPrices)
        price = (self.peak_price - self.off_peak_price) * evidence.scarcity / self.weights
        bills = self._base_of_scenarios() + price[:, np.newaxis] * (
            self.peak_kwh - self.capacity_kwh
        )
        return bills.T, self.weights, evidence.bought_kwh

    def _scenario_costs(self, bought_kwh: float) -> NDArray[np.float64]:
        """Return what all together pay in each scenario, with what they own and buy, shape (K,)."""
        base = self._base_of_scenarios().sum(axis=1)
        short = np.maximum(self._short_of_all() - bought_kwh, 0.0)
        costs: NDArray[np.float64] = base + (self.peak_price - self.off_peak_price) * short
        return costs + self._invested(bought_kwh)

    def _invested(self, bought_kwh: float) -> float:
        return self.storage_price * bought_kwh if bought_kwh > 0 else 0.0

    @cached_property
    def _program(self) -> TwoPeriodRisk | None:
        """The program of risks; none where the mean counts."""
        if self.risk is None or self.risk.is_mean:
            return None
        return TwoPeriodRisk(
            base=self._base_of_scenarios(),
            peak_kwh=self.peak_kwh,
            capacity_kwh=self.capacity_kwh,
            gap=self.peak_price - self.off_peak_price,
            storage_price=self.storage_price,
            probabilities=self.weights,
            risk=self.risk,
        )

    @property
    def _turnover(self) -> float:
        """All money that flows in the scenarios."""
        energy = self.off_peak_kwh + self.peak_kwh + self.capacity_kwh
        capital = float((self.capital_cost_per_kwh * self.capacity_kwh).sum())
        return self.peak_price * float(energy.sum()) + len(self.weights) * capital

    def __repr__(self) -> str:
        risk = "" if self.risk is None else f", risk={self.risk!r}"
        return (
            f"TwoPeriodStorage({self.name!r}, {count(len(self.players), 'member')}, "
            f"{count(len(self.weights), 'scenario')}{risk})"
        )

    def _base(self) -> NDArray[np.float64]:
        """Return what each member would pay if all were bought off peak, shape (n,).

        With the capital cost of what it owns.
        """
        base: NDArray[np.float64] = self.weights @ (self.off_peak_kwh + self.peak_kwh)
        base *= self.off_peak_price
        base += self.capital_cost_per_kwh * self.capacity_kwh
        return base

    def _base_of_scenarios(self) -> NDArray[np.float64]:
        """Return the same in each scenario, shape (K, n)."""
        capital = self.capital_cost_per_kwh * self.capacity_kwh
        base: NDArray[np.float64] = self.off_peak_price * (self.off_peak_kwh + self.peak_kwh)
        return base + capital

    def _costs(self, membership: NDArray[np.bool_]) -> NDArray[np.float64]:
        short = self.peak_kwh @ membership.T - membership @ self.capacity_kwh
        scarce = (self._scarcity(short) * short).sum(axis=0)
        costs: NDArray[np.float64] = membership @ self._base()
        costs += (self.peak_price - self.off_peak_price) * scarce
        return costs

    def _short_of_all(self) -> NDArray[np.float64]:
        """Return by how much the peaks of all exceed what they own, shape (K,).

        What differs by rounding only is equal: the prices must not hang on the last bit.
        """
        peak, owned = self.peak_kwh.sum(axis=1), float(self.capacity_kwh.sum())
        additions = len(self.players) + 1
        rounding = float(np.finfo(np.float64).eps) * additions * (float(peak.max()) + owned)
        short: NDArray[np.float64] = peak - owned
        short[np.abs(short) <= rounding] = 0.0
        order = np.argsort(short, kind="stable")
        for before, scenario in pairwise(order.tolist()):
            if short[scenario] - short[before] <= rounding:
                short[scenario] = short[before]
        return short

    def _scarcity(self, short: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scarcity of coalitions that are short by so much, arrays of shape (K, m)."""
        gap = self.peak_price - self.off_peak_price
        limit = self.storage_price / gap if gap > 0 else math.inf
        # What rounding cannot tell apart is equal: neither is what is barely short, nor does it
        # come before what is as short.
        brought = float(self.peak_kwh.sum(axis=1).max() + self.capacity_kwh.sum())
        equal = 2 * len(self.players) * UNIT_ROUNDOFF * brought
        steps = np.rint(short / equal) if equal > 0 else np.zeros_like(short)
        order = np.argsort(-steps, axis=0, kind="stable")
        probability = self.weights[order] * (np.take_along_axis(steps, order, axis=0) > 0)
        before = np.cumsum(probability, axis=0) - probability
        taken = np.clip(limit - before, 0.0, probability)
        scarcity = np.empty_like(taken)
        np.put_along_axis(scarcity, order, taken, axis=0)
        return scarcity


def _amounts(name: str, values: ArrayLike, players: Players) -> NDArray[np.float64]:
    """Return energy of K scenarios, shape (K, n)."""
    n_members = len(players)
    try:
        array = np.atleast_2d(np.array(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise GameError(f"{name} is not an array of numbers: {error}") from error
    if array.ndim != 2 or array.shape[1] != n_members or not len(array):
        raise GameError(
            f"{name} has shape {np.shape(values)}; {n_members} members need ({n_members},) or "
            f"(K, {n_members})"
        )
    if not (np.isfinite(array) & (array >= 0)).all():
        row, index = (int(place) for place in np.argwhere(~(np.isfinite(array) & (array >= 0)))[0])
        raise GameError(
            f"{name} of {players[index]} in scenario {row + 1} must be non-negative, "
            f"got {array[row, index]}"
        )
    return array


def _apply(problem: AllocationProblem) -> Allocation:
    storage = problem.world
    assert isinstance(storage, TwoPeriodWorld)
    return storage.allocation()


TWO_PERIOD_PRICES = Rule(
    name="two-period-prices",
    title="two-period prices",
    apply=_apply,
    promises=frozenset(
        {
            Promise.EFFICIENT,
            Promise.INDIVIDUALLY_RATIONAL,
            Promise.IN_CORE_IF_NONEMPTY,
            Promise.UNIQUE,
        }
    ),
    worlds=(TwoPeriodWorld,),
    meaning=(
        "Everybody pays for energy, and is paid for storage, at the prices of the one plan that is "
        "cheapest for all together."
    ),
    page="communities",
    sources=("chakraborty2019",),
)
