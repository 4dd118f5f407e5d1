r"""The program of two levels behind a leader's prices by step, as one integer program.

A follower with storage minimises its bill at the leader's prices, a linear program. Its reply is
described by that program, its dual and complementarity between the two: of each inequality and its
multiplier one is 0, which a binary variable chooses. By strong duality what the follower pays is
its dual objective, which is linear while the prices are variables.

Of a member with needs d in kWh by step, buying b, selling e, and of each battery that draws ch,
delivers dis and holds soc, with multipliers in brackets::

    min  sum_t buy_t b_t - sell_t e_t + wear dis_t
    b_t - e_t - ch_t + dis_t = d_t                              [price_t]
    soc_t = soc_{t-1} + ec ch_t - dis_t / ed                    [stored_t]
    ch_t <= C [cap_ch], dis_t <= D [cap_dis], soc_t <= E [cap_soc], soc_T >= soc_0 [end]

Every multiplier is bounded by prices. The own price of a member lies between the leader's two. The
worth of stored energy can be cut off above at what the dearest kWh earns when it is delivered, and
below at 0, or at what it costs to take up the cheapest one where prices are negative: neither makes
the dual objective smaller. The other multipliers are differences of these two. So the constants by
which binaries switch inequalities are prices, never large numbers that a tolerance could undercut.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.linear.builder import LinearBuilder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.dispatch.problem import DispatchProblem
    from sesgame.linear.model import LinearModel

    Array = NDArray[np.float64]
    Columns = NDArray[np.intp]

__all__ = ["Choice", "End", "LeaderProgram"]


class Choice(NamedTuple):
    """Binaries that choose between a flow and a reduced cost, its terms and its constant."""

    is_used: Columns
    amount: Columns
    terms: list[tuple[Columns, float]]
    constant: float


class End(NamedTuple):
    """Binaries that choose between room below, or above, the end of a flow and its multiplier."""

    at_end: Columns
    amount: Columns
    multiplier: Columns
    end: Array
    is_used: Columns | None


class LeaderProgram:
    """The leader's program for one problem; to be used on one thread.

    Parameters
    ----------
    problem : DispatchProblem
        Energy, prices and batteries alone: no charges on peaks, limits, offers or controllers.
    use_batteries : bool
        Whether batteries are run at all.

    Attributes
    ----------
    model : LinearModel
        To maximise, in units of the largest flow and price.
    replies : LinearModel
        Its first columns and rows: flows alone, whatever the prices.
    energy, price : float
        The units.
    net, asked, paid : ndarray
        What members need, and the prices of the grid.
    owner, wear, efficiency : ndarray
        Of batteries.
    owners : ndarray of int
        Members with batteries, of whom `bought` and `sold` have a row each.
    idle : ndarray of bool
        The other members.
    imports, exports, bought, sold, charge, discharge, buy, sell : ndarray of int
        Columns.
    choices, ends, exclusive : list
        What binaries choose, and which two of them exclude each other.
    """

    def __init__(self, problem: DispatchProblem, *, use_batteries: bool) -> None:
        storage, hours = problem.storage, problem.steps.step_hours
        part = storage.part(storage.usable[: len(storage.usable) if use_batteries else 0])
        powers = hours * np.stack([part.charge_power_kw, part.discharge_power_kw])
        prices = np.stack([problem.buy_per_kwh, problem.sell_per_kwh])
        largest = max(float(np.abs(problem.net_load_kwh).max()), float(powers.max(initial=0.0)))
        self.energy, self.price = largest or 1.0, float(np.abs(prices).max()) or 1.0
        self.owner = part.owner
        self.net = problem.net_load_kwh / self.energy
        self.powers = powers / self.energy
        self.size = part.energy_kwh / self.energy
        self.initial = part.initial_charge_kwh / self.energy
        self.efficiency = np.stack([part.charge_efficiency, part.discharge_efficiency])
        self.wear = part.degradation_cost_per_kwh / self.price
        self.asked, self.paid = prices / self.price

        self._builder = LinearBuilder(0)
        self._integer: list[Columns] = []
        self.choices: list[Choice] = []
        self.ends: list[End] = []
        self.exclusive: list[tuple[Columns, Columns]] = []
        self._gain: list[tuple[Columns, Array | float]] = []
        self._add_flows()
        self.replies = self._model()
        self._add_prices()
        self.model = self._model()

    @property
    def n_binaries(self) -> int:
        """How many choices between an inequality and its multiplier there are."""
        return int(self.model.integer.sum())

    def _model(self) -> LinearModel:
        """Return what is there so far as a model to maximise."""
        model = self._builder.program().model
        cost, integer = np.zeros(len(model.cost)), np.zeros(len(model.cost), dtype=np.bool_)
        for columns, gain in self._gain:
            np.add.at(cost, columns, gain)
        for columns in self._integer:
            integer[columns] = True
        return replace(model, cost=cost, integer=integer, sense=-1)

    def _add_flows(self) -> None:
        """Add what is bought, sold and stored, and what the leader exchanges with the grid."""
        builder, n_steps = self._builder, len(self.asked)
        most = float(np.abs(self.net).sum() + self.powers.sum() * n_steps)
        self.imports = builder.add_columns(n_steps, upper=most)
        self.exports = builder.add_columns(n_steps, upper=most)
        self._gain += [(self.imports, -self.asked), (self.exports, self.paid)]
        self.owners = np.unique(self.owner)
        self.idle = np.ones(len(self.net), dtype=np.bool_)
        self.idle[self.owners] = False
        # Who has no storage does what it does, whatever the prices.
        fixed = self.net[self.idle].sum(axis=0)
        balance = builder.add_rows(fixed, fixed, (self.imports, 1.0), (self.exports, -1.0))
        none = np.full((len(self.owners), n_steps), -1, dtype=np.intp)
        self.bought, self.sold = none.copy(), none.copy()
        needs = []
        for row, member in enumerate(self.owners.tolist()):
            net = self.net[member]
            drawn, delivered = self.powers[:, self.owner == member].sum(axis=1)
            self.bought[row] = builder.add_columns(n_steps, upper=np.maximum(net + drawn, 0.0))
            self.sold[row] = builder.add_columns(n_steps, upper=np.maximum(delivered - net, 0.0))
            needs.append(builder.add_rows(net, net, (self.bought[row], 1.0)))
            builder.add_entries(needs[row], self.sold[row], -1.0)
            builder.add_entries(balance, self.bought[row], -1.0)
            builder.add_entries(balance, self.sold[row], 1.0)
        shape = (len(self.owner), n_steps)
        self.charge, self.discharge, self.state = np.full((3, *shape), -1, dtype=np.intp)
        for unit, owner in enumerate(self.owner.tolist()):
            self._add_storage(unit, needs[int(np.searchsorted(self.owners, owner))])

    def _add_storage(self, unit: int, need: Columns) -> None:
        """Add a battery to what its owner needs."""
        builder, n_steps = self._builder, len(self.asked)
        most_in, most_out = self.powers[:, unit]
        taken, given = self.efficiency[:, unit]
        least, at_first = np.zeros((2, n_steps))
        least[-1] = at_first[0] = self.initial[unit]
        charge = self.charge[unit] = builder.add_columns(n_steps, upper=most_in)
        discharge = self.discharge[unit] = builder.add_columns(n_steps, upper=most_out)
        state = builder.add_columns(n_steps, lower=least, upper=self.size[unit])
        self.state[unit] = state
        builder.add_entries(need, charge, -1.0)
        builder.add_entries(need, discharge, 1.0)
        rows = builder.add_rows(
            at_first, at_first, (state, 1.0), (charge, -taken), (discharge, 1.0 / given)
        )
        builder.add_entries(rows[1:], state[:-1], -1.0)
        # Wear is no money for the leader, but is in what a follower minimises.
        self._gain.append((discharge, -self.wear[unit]))

    def _add_prices(self) -> None:
        """Add the leader's prices, and that flows are replies to them."""
        builder, n_steps = self._builder, len(self.asked)
        self.buy = builder.add_columns(n_steps, lower=self.paid, upper=self.asked)
        self.sell = builder.add_columns(n_steps, lower=self.paid, upper=self.asked)
        # Buying from the leader and selling to it at once must not pay.
        builder.add_rows(0.0, np.inf, (self.buy, 1.0), (self.sell, -1.0))
        self._gain.append((self.buy, np.maximum(self.net[self.idle], 0.0).sum(axis=0)))
        self._gain.append((self.sell, np.minimum(self.net[self.idle], 0.0).sum(axis=0)))
        spread = self.asked - self.paid
        for row, member in enumerate(self.owners.tolist()):
            own = builder.add_columns(n_steps, lower=self.paid, upper=self.asked)
            self._gain.append((own, self.net[member]))
            # The own price is the leader's where something is bought, or sold.
            buys = self._either(self.bought[row], [(self.buy, 1.0), (own, -1.0)], spread)
            sells = self._either(self.sold[row], [(own, 1.0), (self.sell, -1.0)], spread)
            self._add_exclusive(buys, sells)
            for unit in np.flatnonzero(self.owner == member).tolist():
                self._add_worth(unit, own)

    def _add_worth(self, unit: int, own: Columns) -> None:
        """Add what stored energy is worth, and that a battery does what that says."""
        builder, n_steps = self._builder, len(self.asked)
        taken, given = self.efficiency[:, unit]
        wear, initial = float(self.wear[unit]), float(self.initial[unit])
        highest = max(0.0, (float(self.asked.max()) - wear) * given)
        lowest = min(0.0, float(self.paid.min()) / taken)
        worth = builder.add_columns(n_steps, lower=lowest, upper=highest)
        end = builder.add_columns(1, upper=highest)
        later = np.append(worth[1:], end)
        caps = (
            np.maximum(taken * highest - self.paid, 0.0),
            np.maximum(self.asked - wear - lowest / given, 0.0),
            np.full(n_steps, highest - lowest),
        )
        at_most = [builder.add_columns(n_steps, upper=cap) for cap in caps]
        charge, discharge, state = (
            flows[unit] for flows in (self.charge, self.discharge, self.state)
        )
        # What is drawn costs its price, what is delivered earns it, what is held is kept for later.
        charges = self._either(
            charge,
            [(own, 1.0), (worth, -taken), (at_most[0], 1.0)],
            self.asked - taken * lowest + caps[0],
        )
        delivers = self._either(
            discharge,
            [(own, -1.0), (worth, 1.0 / given), (at_most[1], 1.0)],
            highest / given - self.paid + wear + caps[1],
            constant=wear,
        )
        holds = self._either(state, [(worth, 1.0), (later, -1.0), (at_most[2], 1.0)], 2.0 * caps[2])
        for is_used, amount, multiplier, cap in zip(
            (charges, delivers, holds), (charge, discharge, state), at_most, caps, strict=True
        ):
            most, full = self._most(amount), self._binaries(n_steps)
            self.ends.append(End(full, amount, multiplier, most, is_used))
            builder.add_rows(-np.inf, 0.0, (multiplier, 1.0), (full, -cap))
            builder.add_rows(0.0, np.inf, (amount, 1.0), (full, -most))
            builder.add_rows(-np.inf, 0.0, (full, 1.0), (is_used, -1.0))
            self._gain.append((multiplier, -most))
        if self.burns_nothing:
            self._add_exclusive(charges, delivers)
        kept = self._binaries(1)
        self.ends.append(End(kept, state[-1:], end, np.array([initial]), None))
        room = float(self.size[unit]) - initial
        builder.add_rows(-np.inf, 0.0, (end, 1.0), (kept, -highest))
        builder.add_rows(-np.inf, self.size[unit], (state[-1:], 1.0), (kept, room))
        self._gain += [(end, initial), (worth[:1], -initial)]

    def _add_exclusive(self, one: Columns, other: Columns) -> None:
        """Add that of two flows one is 0."""
        self._builder.add_rows(-np.inf, 1.0, (one, 1.0), (other, 1.0))
        self.exclusive.append((one, other))

    def _most(self, columns: Columns) -> Array:
        """Return the upper bounds of flows."""
        return self.replies.col_upper[columns]

    def _binaries(self, count: int) -> Columns:
        columns = self._builder.add_columns(count, upper=1.0)
        self._integer.append(columns)
        return columns

    def _either(
        self,
        amount: Columns,
        terms: list[tuple[Columns, float]],
        most: Array,
        constant: float = 0.0,
    ) -> Columns:
        """Add that an expression is at least 0, and 0 where an amount is not; return the choices.

        Parameters
        ----------
        amount : columns
            Of flows, at least 0.
        terms : list of (columns, coefficient)
            Of the expression, which is a reduced cost.
        most : ndarray of shape (T,)
            What the expression is at most.
        constant : float
            Of the expression.
        """
        is_used = self._binaries(len(amount))
        self.choices.append(Choice(is_used, amount, terms, constant))
        builder = self._builder
        builder.add_rows(-constant, np.inf, *terms)
        builder.add_rows(-np.inf, most - constant, *terms, (is_used, most))
        builder.add_rows(-np.inf, 0.0, (amount, 1.0), (is_used, -self._most(amount)))
        return is_used

    @property
    def burns_nothing(self) -> bool:
        """Whether drawing and delivering at once never pays: what is lost has no negative price."""
        return bool((self.paid >= 0).all())
