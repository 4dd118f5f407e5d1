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

from sesgame.errors import SolverError
from sesgame.linear.builder import LinearBuilder
from sesgame.linear.own_thread import run
from sesgame.linear.quiet_highs import checked, info

if TYPE_CHECKING:
    import highspy
    from numpy.typing import NDArray

    from sesgame.energy.dispatch.problem import DispatchProblem
    from sesgame.linear.model import LinearModel
    from sesgame.progress import Report

    Array = NDArray[np.float64]
    Columns = NDArray[np.intp]

__all__ = ["Found", "LeaderProgram"]

FEASIBILITY = 1e-9
"""To which HiGHS keeps rows, bounds and integers, in units of the largest flow and price."""

MOST_ROUNDS = 20
"""How often a start is improved at most; each time the leader earns more."""

NO_BETTER = 1e-9
"""Of the largest flow at the largest price: what is no improvement of a start."""

NOTHING = 1e-8
"""Of the largest flow, or price: what is taken for 0 where binaries are read off a solution."""

PARTS = (1.0, 0.999, 0.9, 0.7, 0.5, 0.3, 0.1, 0.0)
"""By how much own bills count in the dispatches from which the search starts: first alone, in the
end not at all."""


class Found(NamedTuple):
    """Prices, replies and bounds.

    Attributes
    ----------
    buy_per_kwh, sell_per_kwh : ndarray of shape (T,)
        The leader's prices.
    net_kwh : ndarray of shape (n, T)
        What each member draws from the leader, less what it gives it.
    charge_kwh, discharge_kwh : ndarray of shape (m, T)
        Of each battery that can store.
    profit, bound : float
        What the leader earns, and what it cannot exceed.
    """

    buy_per_kwh: NDArray[np.float64]
    sell_per_kwh: NDArray[np.float64]
    net_kwh: NDArray[np.float64]
    charge_kwh: NDArray[np.float64]
    discharge_kwh: NDArray[np.float64]
    profit: float
    bound: float


class _Choice(NamedTuple):
    """Binaries that choose between a flow and a reduced cost, its terms and its constant."""

    is_used: Columns
    amount: Columns
    terms: list[tuple[Columns, float]]
    constant: float


class _End(NamedTuple):
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
    energy, price : float
        These units.
    """

    def __init__(self, problem: DispatchProblem, *, use_batteries: bool) -> None:
        storage, hours = problem.storage, problem.steps.step_hours
        part = storage.part(storage.usable[: len(storage.usable) if use_batteries else 0])
        powers = hours * np.stack([part.charge_power_kw, part.discharge_power_kw])
        prices = np.stack([problem.buy_per_kwh, problem.sell_per_kwh])
        largest = max(float(np.abs(problem.net_load_kwh).max()), float(powers.max(initial=0.0)))
        self.energy, self.price = largest or 1.0, float(np.abs(prices).max()) or 1.0
        self._owner = part.owner
        self._net = problem.net_load_kwh / self.energy
        self._powers = powers / self.energy
        self._size = part.energy_kwh / self.energy
        self._initial = part.initial_charge_kwh / self.energy
        self._efficiency = np.stack([part.charge_efficiency, part.discharge_efficiency])
        self._wear = part.degradation_cost_per_kwh / self.price
        self._asked, self._paid = prices / self.price

        self._builder = LinearBuilder(0)
        self._integer: list[Columns] = []
        self._choices: list[_Choice] = []
        self._ends: list[_End] = []
        self._exclusive: list[tuple[Columns, Columns]] = []
        self._gain: list[tuple[Columns, Array | float]] = []
        self._add_flows()
        self._replies = self._model()
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
        builder, n_steps = self._builder, len(self._asked)
        most = float(np.abs(self._net).sum() + self._powers.sum() * n_steps)
        self._imports = builder.add_columns(n_steps, upper=most)
        self._exports = builder.add_columns(n_steps, upper=most)
        self._gain += [(self._imports, -self._asked), (self._exports, self._paid)]
        self._owners = np.unique(self._owner)
        self._idle = np.ones(len(self._net), dtype=np.bool_)
        self._idle[self._owners] = False
        # Who has no storage does what it does, whatever the prices.
        fixed = self._net[self._idle].sum(axis=0)
        balance = builder.add_rows(fixed, fixed, (self._imports, 1.0), (self._exports, -1.0))
        none = np.full((len(self._owners), n_steps), -1, dtype=np.intp)
        self._bought, self._sold = none.copy(), none.copy()
        needs = []
        for row, member in enumerate(self._owners.tolist()):
            net = self._net[member]
            drawn, delivered = self._powers[:, self._owner == member].sum(axis=1)
            self._bought[row] = builder.add_columns(n_steps, upper=np.maximum(net + drawn, 0.0))
            self._sold[row] = builder.add_columns(n_steps, upper=np.maximum(delivered - net, 0.0))
            needs.append(builder.add_rows(net, net, (self._bought[row], 1.0)))
            builder.add_entries(needs[row], self._sold[row], -1.0)
            builder.add_entries(balance, self._bought[row], -1.0)
            builder.add_entries(balance, self._sold[row], 1.0)
        shape = (len(self._owner), n_steps)
        self._charge, self._discharge, self._state = np.full((3, *shape), -1, dtype=np.intp)
        for unit, owner in enumerate(self._owner.tolist()):
            self._add_storage(unit, needs[int(np.searchsorted(self._owners, owner))])

    def _add_storage(self, unit: int, need: Columns) -> None:
        """Add a battery to what its owner needs."""
        builder, n_steps = self._builder, len(self._asked)
        most_in, most_out = self._powers[:, unit]
        taken, given = self._efficiency[:, unit]
        least, at_first = np.zeros((2, n_steps))
        least[-1] = at_first[0] = self._initial[unit]
        charge = self._charge[unit] = builder.add_columns(n_steps, upper=most_in)
        discharge = self._discharge[unit] = builder.add_columns(n_steps, upper=most_out)
        state = builder.add_columns(n_steps, lower=least, upper=self._size[unit])
        self._state[unit] = state
        builder.add_entries(need, charge, -1.0)
        builder.add_entries(need, discharge, 1.0)
        rows = builder.add_rows(
            at_first, at_first, (state, 1.0), (charge, -taken), (discharge, 1.0 / given)
        )
        builder.add_entries(rows[1:], state[:-1], -1.0)
        # Wear is no money for the leader, but is in what a follower minimises.
        self._gain.append((discharge, -self._wear[unit]))

    def _add_prices(self) -> None:
        """Add the leader's prices, and that flows are replies to them."""
        builder, n_steps = self._builder, len(self._asked)
        self._buy = builder.add_columns(n_steps, lower=self._paid, upper=self._asked)
        self._sell = builder.add_columns(n_steps, lower=self._paid, upper=self._asked)
        # Buying from the leader and selling to it at once must not pay.
        builder.add_rows(0.0, np.inf, (self._buy, 1.0), (self._sell, -1.0))
        self._gain.append((self._buy, np.maximum(self._net[self._idle], 0.0).sum(axis=0)))
        self._gain.append((self._sell, np.minimum(self._net[self._idle], 0.0).sum(axis=0)))
        spread = self._asked - self._paid
        for row, member in enumerate(self._owners.tolist()):
            own = builder.add_columns(n_steps, lower=self._paid, upper=self._asked)
            self._gain.append((own, self._net[member]))
            # The own price is the leader's where something is bought, or sold.
            buys = self._either(self._bought[row], [(self._buy, 1.0), (own, -1.0)], spread)
            sells = self._either(self._sold[row], [(own, 1.0), (self._sell, -1.0)], spread)
            self._add_exclusive(buys, sells)
            for unit in np.flatnonzero(self._owner == member).tolist():
                self._add_worth(unit, own)

    def _add_worth(self, unit: int, own: Columns) -> None:
        """Add what stored energy is worth, and that a battery does what that says."""
        builder, n_steps = self._builder, len(self._asked)
        taken, given = self._efficiency[:, unit]
        wear, initial = float(self._wear[unit]), float(self._initial[unit])
        highest = max(0.0, (float(self._asked.max()) - wear) * given)
        lowest = min(0.0, float(self._paid.min()) / taken)
        worth = builder.add_columns(n_steps, lower=lowest, upper=highest)
        end = builder.add_columns(1, upper=highest)
        later = np.append(worth[1:], end)
        caps = (
            np.maximum(taken * highest - self._paid, 0.0),
            np.maximum(self._asked - wear - lowest / given, 0.0),
            np.full(n_steps, highest - lowest),
        )
        at_most = [builder.add_columns(n_steps, upper=cap) for cap in caps]
        charge, discharge, state = (
            flows[unit] for flows in (self._charge, self._discharge, self._state)
        )
        # What is drawn costs its price, what is delivered earns it, what is held is kept for later.
        charges = self._either(
            charge,
            [(own, 1.0), (worth, -taken), (at_most[0], 1.0)],
            self._asked - taken * lowest + caps[0],
        )
        delivers = self._either(
            discharge,
            [(own, -1.0), (worth, 1.0 / given), (at_most[1], 1.0)],
            highest / given - self._paid + wear + caps[1],
            constant=wear,
        )
        holds = self._either(state, [(worth, 1.0), (later, -1.0), (at_most[2], 1.0)], 2.0 * caps[2])
        for is_used, amount, multiplier, cap in zip(
            (charges, delivers, holds), (charge, discharge, state), at_most, caps, strict=True
        ):
            most, full = self._most(amount), self._binaries(n_steps)
            self._ends.append(_End(full, amount, multiplier, most, is_used))
            builder.add_rows(-np.inf, 0.0, (multiplier, 1.0), (full, -cap))
            builder.add_rows(0.0, np.inf, (amount, 1.0), (full, -most))
            builder.add_rows(-np.inf, 0.0, (full, 1.0), (is_used, -1.0))
            self._gain.append((multiplier, -most))
        if (self._paid >= 0).all():
            # Drawing and delivering at once never pays then.
            self._add_exclusive(charges, delivers)
        kept = self._binaries(1)
        self._ends.append(_End(kept, state[-1:], end, np.array([initial]), None))
        room = float(self._size[unit]) - initial
        builder.add_rows(-np.inf, 0.0, (end, 1.0), (kept, -highest))
        builder.add_rows(-np.inf, self._size[unit], (state[-1:], 1.0), (kept, room))
        self._gain += [(end, initial), (worth[:1], -initial)]

    def _add_exclusive(self, one: Columns, other: Columns) -> None:
        """Add that of two flows one is 0."""
        self._builder.add_rows(-np.inf, 1.0, (one, 1.0), (other, 1.0))
        self._exclusive.append((one, other))

    def _most(self, columns: Columns) -> Array:
        """Return the upper bounds of flows."""
        return self._replies.col_upper[columns]

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
        self._choices.append(_Choice(is_used, amount, terms, constant))
        builder = self._builder
        builder.add_rows(-constant, np.inf, *terms)
        builder.add_rows(-np.inf, most - constant, *terms, (is_used, most))
        builder.add_rows(-np.inf, 0.0, (amount, 1.0), (is_used, -self._most(amount)))
        return is_used

    def solved(
        self, max_seconds: float, relative_gap: float, report: Report | None = None
    ) -> Found:
        """Return the best prices that are found, and a bound of what any could earn.

        Parameters
        ----------
        max_seconds : float
            For the integer program; the starts are some linear programs more.
        relative_gap : float
            Between profit and bound, in parts of the profit, at which to stop.
        report : callable, optional
            Told how many of the starts, and then of the integer program, are done.

        Raises
        ------
        SolverError
            HiGHS fails.
        """
        solution, bound = self._start(report)
        profit = self._profit(solution)
        if bound - profit > relative_gap * abs(profit) + NO_BETTER and self.n_binaries:
            better, proved = self._search(solution, max_seconds, relative_gap)
            bound = min(bound, proved)
            if better is not None and self._profit(better) > profit:
                solution = self._improved(better)
        return self._found(solution, bound)

    def _start(self, report: Report | None) -> tuple[Array, float]:
        """Return the best of some prices between the grid's and those of the common optimum.

        Where members weigh their own bills by s and the common bill by 1 - s, they do what is
        optimal for each at some prices between the grid's.
        """
        weighed = [self._weighed(part) for part in PARTS]
        found = []
        for number, (flows, _) in enumerate(weighed):
            start = self._fixed(self._by_flows(flows))
            if start is not None:
                found.append(self._improved(start))
            if report is not None:
                report(number + 1, len(PARTS) + 1)
        if not found:
            raise SolverError("leader's prices", "no replies are optimal at any price, by rounding")
        # Nobody pays more than alone, and all together cost at least the common optimum.
        return max(found, key=self._profit), weighed[0][1] - weighed[-1][1]

    def _improved(self, solution: Array) -> Array:
        """Return the end of taking turns: the best prices for the flows, and flows for the prices.

        Each is a linear program, in which prices and flows are free as far as the binaries let them
        that the other has chosen.
        """
        for _ in range(MOST_ROUNDS):
            before = self._profit(solution)
            for choose in (self._by_prices, self._by_flows):
                better = self._fixed(choose(solution))
                if better is not None and self._profit(better) > self._profit(solution):
                    solution = better
            if self._profit(solution) <= before + NO_BETTER:
                break
        return solution

    def _weighed(self, part: float) -> tuple[Array, float]:
        """Return the flows of least cost, where own bills count by a part; and that cost."""
        model = self._replies
        cost = (1.0 - part) * model.cost
        cost[self._bought] -= part * self._asked
        cost[self._sold] += part * self._paid
        cost[self._discharge] = model.cost[self._discharge]
        solution = _optimum(replace(model, cost=cost))
        if solution is None:
            raise SolverError("leader's prices", "the dispatch of members has no optimum")
        idle = self._net[self._idle]
        theirs = np.maximum(idle, 0.0) * self._asked + np.minimum(idle, 0.0) * self._paid
        return solution, part * float(theirs.sum()) - float((cost * solution).sum())

    def _by_flows(self, solution: Array) -> Array:
        """Return the binaries that leave prices free: whatever flows decides no price."""
        chosen = np.zeros(len(self.model.cost))
        for choice in self._choices:
            chosen[choice.is_used] = solution[choice.amount] > NOTHING
        for each in self._ends:
            chosen[each.at_end] = np.abs(solution[each.amount] - each.end) <= NOTHING
        self._make_exclusive(chosen, solution)
        return chosen

    def _by_prices(self, solution: Array) -> Array:
        """Return the binaries that leave flows free: wherever prices make no difference."""
        chosen = np.zeros(len(self.model.cost))
        for choice in self._choices:
            reduced = choice.constant + sum(rate * solution[at] for at, rate in choice.terms)
            chosen[choice.is_used] = reduced <= NOTHING
        for each in self._ends:
            chosen[each.at_end] = solution[each.multiplier] > NOTHING
        self._make_exclusive(chosen, solution)
        return chosen

    def _make_exclusive(self, chosen: Array, solution: Array) -> None:
        """Where both of two flows could be, let the larger one."""
        amounts = {int(c.is_used[0]): c.amount for c in self._choices}
        for one, other in self._exclusive:
            first = solution[amounts[int(one[0])]] >= solution[amounts[int(other[0])]]
            both = (chosen[one] > 0) & (chosen[other] > 0)
            chosen[one[both & ~first]] = 0.0
            chosen[other[both & first]] = 0.0
        # What is at its upper end is more than 0, but where that is 0.
        for each in self._ends:
            if each.is_used is not None:
                chosen[each.at_end] = np.minimum(chosen[each.at_end], chosen[each.is_used])

    def _fixed(self, chosen: Array) -> Array | None:
        """Return the optimum where the binaries are chosen, if there is one."""
        model, integer = self.model, self.model.integer
        lower, upper = model.col_lower.copy(), model.col_upper.copy()
        lower[integer] = upper[integer] = chosen[integer]
        free = np.zeros_like(integer)
        return _optimum(replace(model, col_lower=lower, col_upper=upper, integer=free))

    def _search(
        self, start: Array, max_seconds: float, relative_gap: float
    ) -> tuple[Array | None, float]:
        """Return what the integer program finds, and what it proves."""
        import highspy

        highs = self.model.to_highs()
        for option, value in (
            ("time_limit", max_seconds),
            ("mip_rel_gap", relative_gap),
            ("mip_abs_gap", 0.0),
            ("mip_feasibility_tolerance", FEASIBILITY),
            ("primal_feasibility_tolerance", FEASIBILITY),
        ):
            checked(highs, highs.setOptionValue, option, value)
        known = highspy.HighsSolution()
        known.col_value = start.tolist()
        checked(highs, highs.setSolution, known, warning_is_fine=True)
        checked(highs, run, highs, warning_is_fine=True)
        _refuse_other_ends(highs)
        bound = info(highs, "mip_dual_bound")
        values = np.array(highs.getSolution().col_value)
        if not len(values):
            return None, bound
        return self._fixed(np.rint(values)), bound

    def least_profit(self, found: Found, costs: Array, max_seconds: float) -> float:
        """Return the profit at prices if members choose, of all best replies, the worst for it.

        Parameters
        ----------
        found : Found
            The prices.
        costs : ndarray of shape (n,)
            What each member's best reply costs it, with wear, in the units of the problem.
        max_seconds : float
            For the integer program; after that, a bound from below.
        """
        model, n_steps = self._replies, len(self._asked)
        buy, sell = found.buy_per_kwh / self.price, found.sell_per_kwh / self.price
        own = costs / (self.energy * self.price)
        count = len(model.cost)
        imports = count + np.arange(n_steps)
        entries = [(model.rows, model.columns, model.coefficients)]
        upper = [model.row_upper]
        for row, member in enumerate(self._owners.tolist()):
            units = np.flatnonzero(self._owner == member)
            columns = np.concatenate([self._bought[row], self._sold[row], *self._discharge[units]])
            wear = np.repeat(self._wear[units], n_steps)
            number = len(model.row_lower) + row
            entries.append(
                (np.full(len(columns), number), columns, np.concatenate([buy, -sell, wear]))
            )
            upper.append(np.array([own[member] + FEASIBILITY]))
        # The grid is not bought from and sold to at once, which would only cost the leader.
        first = len(model.row_lower) + len(self._owners)
        most = self._most(self._imports)
        for flows, rate, end in ((self._imports, -most, 0.0), (self._exports, most, most)):
            rows = first + np.arange(n_steps)
            entries += [(rows, flows, np.ones(n_steps)), (rows, imports, rate)]
            upper.append(np.broadcast_to(end, n_steps))
            first += n_steps
        rows, columns, coefficients = (np.concatenate(part) for part in zip(*entries, strict=True))
        cost = np.zeros(count + n_steps)
        for exchanged in (self._imports, self._exports):
            cost[exchanged] = -model.cost[exchanged]
        integer = np.arange(len(cost)) >= count
        size = len(model.row_lower)
        worst = replace(
            model,
            cost=cost,
            col_lower=np.append(model.col_lower, np.zeros(n_steps)),
            col_upper=np.append(model.col_upper, np.ones(n_steps)),
            row_lower=np.append(model.row_lower, np.full(first - size, -np.inf)),
            row_upper=np.concatenate(upper),
            rows=rows,
            columns=columns,
            coefficients=coefficients,
            integer=integer,
        )
        highs = worst.to_highs()
        checked(highs, highs.setOptionValue, "time_limit", max_seconds)
        checked(highs, run, highs, warning_is_fine=True)
        _refuse_other_ends(highs)
        unit = self.energy * self.price
        net = found.net_kwh / self.energy
        paid = np.where(net > 0, buy, sell) * net
        return (float(paid.sum()) - info(highs, "mip_dual_bound")) * unit

    def _profit(self, solution: Array) -> float:
        return float((self.model.cost * solution).sum())

    def _found(self, solution: Array, bound: float) -> Found:
        """Return a solution in the units of the problem."""
        net = self._net.copy()
        net[self._owners] = solution[self._bought] - solution[self._sold]
        unit = self.energy * self.price
        profit = self._profit(solution)
        return Found(
            buy_per_kwh=solution[self._buy] * self.price,
            sell_per_kwh=solution[self._sell] * self.price,
            net_kwh=net * self.energy,
            charge_kwh=np.maximum(solution[self._charge], 0.0) * self.energy,
            discharge_kwh=np.maximum(solution[self._discharge], 0.0) * self.energy,
            profit=profit * unit,
            bound=max(bound, profit) * unit,
        )


def _refuse_other_ends(highs: highspy.Highs) -> None:
    """Refuse the end of an integer program that is neither the optimum nor the end of its time."""
    import highspy

    status = highs.getModelStatus()
    if status not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kTimeLimit):
        raise SolverError("leader's prices", highs.modelStatusToString(status))


def _optimum(model: LinearModel) -> Array | None:
    """Return the optimum of a linear program, None where it has no solution."""
    import highspy

    highs = model.to_highs()
    for kind in ("primal", "dual"):
        checked(highs, highs.setOptionValue, f"{kind}_feasibility_tolerance", FEASIBILITY)
    checked(highs, run, highs, warning_is_fine=True)
    status = highs.getModelStatus()
    if status == highspy.HighsModelStatus.kOptimal:
        return np.array(highs.getSolution().col_value)
    if status == highspy.HighsModelStatus.kInfeasible:
        return None
    raise SolverError("leader's prices", highs.modelStatusToString(status))
