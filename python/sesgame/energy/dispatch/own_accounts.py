"""A dispatch in which everybody pays an own bill, as a linear program: accounts and energy in kind.

Per member i and step t, in kWh, with net load ``L_it = need_it - spare_it`` and storage units u::

    import_it - export_it - sum_u (charge_uit - discharge_uit) + received_it - given_it = L_it
    export_it + given_it - sum_u discharge_uit <= spare_it
    state_uit - state_ui,t-1 - ec_u charge_uit + discharge_uit / ed_u = 0
    sum_i received_it = sum_i given_it

and over the members of each unit ``sum_i state_uit <= E_u``, ``sum_i charge_uit <= P_u``,
``sum_i discharge_uit <= P_u``. Only what is spare is given, ``given_it <= spare_it``: who buys
energy, buys it for the own load and the own account, so that no bill is paid by somebody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import SolverError
from sesgame.game.by_value import ByValue
from sesgame.linear.builder import LinearBuilder
from sesgame.linear.own_thread import run
from sesgame.linear.quiet_highs import checked
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    from collections.abc import Sequence

    import highspy
    from numpy.typing import NDArray

    from sesgame.energy.dispatch.linear_program import StorageUnit
    from sesgame.energy.dispatch.problem import DispatchProblem
    from sesgame.linear.builder import Term
    from sesgame.linear.model import LinearModel

__all__ = ["AccountsDispatch", "OwnAccounts"]

FEASIBILITY = 1e-10
"""To which HiGHS keeps rows, bounds and reduced costs, in units of the largest flow and price: the
least that it takes, since what it leaves of reduced costs is in every gap."""

LARGEST_COST = 100.0
"""Of a gain: so much that the slopes of members with a millionth of the weight still count beside
the tolerance, and less than HiGHS calls excessive."""


@dataclass(frozen=True, eq=False)
class OwnAccounts(ByValue):
    """What each member does in each step, energy in kWh, arrays of shape (n, T).

    Attributes
    ----------
    import_kwh, export_kwh : ndarray
        Bought and sold, each on the member's own bill.
    received_kwh, given_kwh : ndarray
        In kind, within the community.
    charge_kwh, discharge_kwh : ndarray
        Into and out of the member's account of all batteries, at their terminals.
    stored_kwh : ndarray
        In the account after each step.
    """

    import_kwh: NDArray[np.float64]
    export_kwh: NDArray[np.float64]
    received_kwh: NDArray[np.float64]
    given_kwh: NDArray[np.float64]
    charge_kwh: NDArray[np.float64]
    discharge_kwh: NDArray[np.float64]
    stored_kwh: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Columns:
    """Columns of cells (member, step), flat; -1 where a cell has none."""

    grid_import: NDArray[np.intp]
    grid_export: NDArray[np.intp]
    received: NDArray[np.intp]
    given: NDArray[np.intp]
    charge: tuple[NDArray[np.intp], ...]
    discharge: tuple[NDArray[np.intp], ...]
    state: tuple[NDArray[np.intp], ...]


class AccountsDispatch:
    """The dispatches of one problem in which nobody is worse off than in disagreement.

    To be used on one thread, which HiGHS has for itself.

    Parameters
    ----------
    problem : DispatchProblem
        Without limits of the grid, wear and storage to buy.
    units : sequence of StorageUnit
        The storage that is run as one.
    disagreement : ndarray of shape (n,)
        The most that each member's bill may be.

    Attributes
    ----------
    energy, money : float
        The units of the program: the largest flow, and what it costs at the highest price.
    model : LinearModel
        To minimise.
    gains, shortfalls : ndarray of int, shape (n,)
        The columns of what bills are below those of disagreement, and above.
    """

    def __init__(
        self,
        problem: DispatchProblem,
        units: Sequence[StorageUnit],
        disagreement: NDArray[np.float64],
    ) -> None:
        powers = [
            float(each.sum()) for unit in units for each in (unit.charge_kwh, unit.discharge_kwh)
        ]
        prices = np.concatenate([problem.buy_per_kwh, problem.sell_per_kwh])
        self.energy = max(float(np.abs(problem.net_load_kwh).max()), *powers, 0.0) or 1.0
        self.money = self.energy * (float(np.abs(prices).max()) or 1.0)
        self._shape = problem.net_load_kwh.shape
        self._problem = problem
        self._builder = LinearBuilder(self._shape[0])
        self._units = units
        self._columns = self._add_columns()
        self._add_balances()
        self._add_storage()
        self.gains, self.shortfalls = self._add_gains(disagreement)
        self.model: LinearModel = self._builder.program().model
        self._highs = self._ready()

    def least_shortfall(self) -> NDArray[np.float64]:
        """Return by how much bills exceed those of disagreement, least in all, and keep it so.

        Afterwards no bill may exceed them by more.
        """
        self._minimise(self.shortfalls, np.ones(len(self.shortfalls)))
        missed = np.maximum(self._solution()[self.shortfalls], 0.0)
        columns = self.shortfalls.astype(np.int32)
        size, lower = len(columns), np.zeros(len(columns))
        checked(self._highs, self._highs.changeColsBounds, size, columns, lower, missed)
        self.model.col_upper[self.shortfalls] = missed
        return missed * self.money

    def most(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Return the dispatch of the largest weighted sum of gains, and a proved bound of it.

        Parameters
        ----------
        weights : ndarray of shape (n,)
            Of each gain, by unit of money.
        """
        unit = float(weights.max()) / LARGEST_COST
        self._minimise(self.gains, -weights / unit)
        return self._solution(), -self._bound() * unit * self.money

    def gains_of(self, solution: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each member gains over disagreement, shape (n,)."""
        return (solution[self.gains] - solution[self.shortfalls]) * self.money

    def accounts(self, solution: NDArray[np.float64]) -> OwnAccounts:
        """Return what the members do in a solution."""

        def amounts(*columns: NDArray[np.intp]) -> NDArray[np.float64]:
            total = np.zeros(self._shape)
            for block in columns:
                # What is negative by no more than HiGHS allows is nothing.
                found = np.where(block >= 0, np.maximum(solution[block], 0.0), 0.0)
                total += found.reshape(self._shape)
            return total * self.energy

        own = self._columns
        return OwnAccounts(
            import_kwh=amounts(own.grid_import),
            export_kwh=amounts(own.grid_export),
            received_kwh=amounts(own.received),
            given_kwh=amounts(own.given),
            charge_kwh=amounts(*own.charge),
            discharge_kwh=amounts(*own.discharge),
            stored_kwh=amounts(*own.state),
        )

    def _add_columns(self) -> _Columns:
        net_load = self._problem.net_load_kwh / self.energy
        need, spare = np.maximum(net_load, 0.0), np.maximum(-net_load, 0.0)
        drawn = sum(float(unit.charge_kwh.sum()) for unit in self._units) / self.energy
        delivered = sum(float(unit.discharge_kwh.sum()) for unit in self._units) / self.energy
        shared = spare.sum(axis=0)
        spare_of_others = shared - spare
        everywhere = np.ones(self._shape, dtype=np.bool_)
        blocks = []
        for unit in self._units:
            least = np.zeros(self._shape)
            # What is stored at the end must not be less than at the beginning.
            least[:, -1] = unit.initial_kwh / self.energy
            full = float(unit.energy_kwh.sum()) / self.energy
            blocks.append(
                (
                    self._cells(everywhere, float(unit.charge_kwh.sum()) / self.energy),
                    self._cells(everywhere, float(unit.discharge_kwh.sum()) / self.energy),
                    self._cells(everywhere, full, least),
                )
            )
        charge, discharge, state = zip(*blocks, strict=True) if blocks else ((), (), ())
        return _Columns(
            grid_import=self._cells(everywhere, need + drawn),
            grid_export=self._cells((spare > 0) | (delivered > 0), spare + delivered),
            received=self._cells(spare_of_others > 0, shared),
            given=self._cells(spare > 0, spare),
            charge=charge,
            discharge=discharge,
            state=state,
        )

    def _cells(
        self,
        wanted: NDArray[np.bool_],
        upper: NDArray[np.float64] | float,
        lower: NDArray[np.float64] | float = 0.0,
    ) -> NDArray[np.intp]:
        """Add a column for each cell that is wanted; each has finite bounds, which prove bounds."""
        shape = self._shape
        columns = np.full(shape, -1, dtype=np.intp)
        columns[wanted] = self._builder.add_columns(
            int(wanted.sum()),
            lower=np.broadcast_to(lower, shape)[wanted],
            upper=np.broadcast_to(upper, shape)[wanted],
        )
        return columns.ravel()

    def _add_balances(self) -> None:
        """Add that what members get is what they use, and that no import is handed on."""
        own = self._columns
        net_load = (self._problem.net_load_kwh / self.energy).ravel()
        self._builder.add_rows(
            net_load,
            net_load,
            _term(own.grid_import, 1.0),
            _term(own.grid_export, -1.0),
            _term(own.received, 1.0),
            _term(own.given, -1.0),
            *[_term(columns, -1.0) for columns in own.charge],
            *[_term(columns, 1.0) for columns in own.discharge],
        )
        self._builder.add_rows(
            -np.inf,
            np.maximum(-net_load, 0.0),
            _term(own.grid_export, 1.0),
            _term(own.given, 1.0),
            *[_term(columns, -1.0) for columns in own.discharge],
        )
        self._add_sums(0.0, 0.0, (own.received, 1.0), (own.given, -1.0))

    def _add_sums(self, lower: float, upper: float, *parts: tuple[NDArray[np.intp], float]) -> None:
        """Add the bounds of sums over all members in each step."""
        terms = [
            _term(row, sign) for columns, sign in parts for row in columns.reshape(self._shape)
        ]
        self._builder.add_rows(lower, upper, *terms)

    def _add_storage(self) -> None:
        """Add what each unit holds, and how the states of accounts follow from their flows."""
        own, steps = self._columns, self._shape[1]
        for number, unit in enumerate(self._units):
            charge, discharge, state = (
                block[number] for block in (own.charge, own.discharge, own.state)
            )
            for most, columns in (
                (unit.charge_kwh, charge),
                (unit.discharge_kwh, discharge),
                (unit.energy_kwh, state),
            ):
                self._add_sums(-np.inf, float(most.sum()) / self.energy, (columns, 1.0))
            kept = np.full(self._shape, -1.0)
            kept[:, 0] = 0.0
            at_first = np.zeros(self._shape)
            at_first[:, 0] = unit.initial_kwh / self.energy
            self._builder.add_rows(
                at_first.ravel(),
                at_first.ravel(),
                (state, 1.0),
                (np.roll(state.reshape(-1, steps), 1, axis=1).ravel(), kept.ravel()),
                (charge, -unit.charge_efficiency),
                (discharge, 1.0 / unit.discharge_efficiency),
            )

    def _add_gains(
        self, disagreement: NDArray[np.float64]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Add that a bill, and what is gained, are the bill of disagreement."""
        problem, own, size = self._problem, self._columns, self._shape[0]
        price = self.money / self.energy
        buy, sell = problem.buy_per_kwh / price, problem.sell_per_kwh / price
        bills = disagreement / self.money
        # More than all energy that can flow, at the highest price, nobody gains or misses.
        flows = np.abs(problem.net_load_kwh).sum() / self.energy
        powers = [max(unit.charge_kwh.sum(), unit.discharge_kwh.sum()) for unit in self._units]
        flows += float(sum(powers)) * len(buy) / self.energy
        most = np.abs(bills) + 2.0 * flows
        gains = self._builder.add_columns(size, upper=most)
        shortfalls = self._builder.add_columns(size, upper=most)
        by_step = [own.grid_import.reshape(self._shape).T, own.grid_export.reshape(self._shape).T]
        self._builder.add_rows(
            bills,
            bills,
            (gains, 1.0),
            (shortfalls, -1.0),
            *[_term(columns, rate) for columns, rate in zip(by_step[0], buy, strict=True)],
            *[_term(columns, -rate) for columns, rate in zip(by_step[1], sell, strict=True)],
        )
        return gains, shortfalls

    def _ready(self) -> highspy.Highs:
        with needs("highspy", "a bargained dispatch needs highspy"):
            import highspy  # noqa: F401

        highs = self.model.to_highs()
        for kind in ("primal", "dual"):
            checked(highs, highs.setOptionValue, f"{kind}_feasibility_tolerance", FEASIBILITY)
        return highs

    def _minimise(self, columns: NDArray[np.intp], cost: NDArray[np.float64]) -> None:
        """Solve for the least cost of some columns, from the last basis."""
        import highspy

        self.model.cost[:] = 0.0
        self.model.cost[columns] = cost
        every = np.arange(len(self.model.cost), dtype=np.int32)
        highs = self._highs
        checked(highs, highs.changeColsCost, len(every), every, self.model.cost)
        checked(highs, run, highs)
        status = highs.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise SolverError("bargained dispatch", highs.modelStatusToString(status))

    def _solution(self) -> NDArray[np.float64]:
        return np.array(self._highs.getSolution().col_value)

    def _bound(self) -> float:
        """Return a bound that the row duals prove, whatever they are, since columns are bounded.

        With reduced costs d = c - A'y, ``c @ x = y @ (A x) + d @ x``, each at its least.
        """
        model = self.model
        duals = np.array(self._highs.getSolution().row_dual)
        duals[np.isinf(model.row_lower)] = np.minimum(duals[np.isinf(model.row_lower)], 0.0)
        reduced = model.cost - np.bincount(
            model.columns, model.coefficients * duals[model.rows], len(model.cost)
        )
        sides = np.where(duals > 0, model.row_lower, model.row_upper)
        ends = np.where(reduced > 0, model.col_lower, model.col_upper)
        return float(duals @ sides + reduced @ ends)


def _term(columns: NDArray[np.intp], coefficient: float) -> Term:
    """Return a term without the cells that have no column."""
    return columns, np.where(columns >= 0, coefficient, 0.0)
