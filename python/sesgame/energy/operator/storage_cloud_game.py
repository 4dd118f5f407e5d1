"""The game of members who rent storage, and of the operator who has it."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.operator.storage_cloud_bills import RELATIVE_TOLERANCE
from sesgame.errors import GameError
from sesgame.game.allocation import Allocation, Amount, Evidence
from sesgame.game.game import Game
from sesgame.game.native_source import native_from
from sesgame.linear.builder import LinearBuilder
from sesgame.linear.compiled_game import compiled_game

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import LinearProductionGame
    from sesgame.energy.operator.storage_cloud_terms import CloudTerms
    from sesgame.linear.reduced_model import ReducedModel

__all__ = ["OPERATOR", "OperatorPrices", "operator_game", "operator_prices"]

OPERATOR = "operator"
"""The label of the player who has the storage."""

MOST_COLUMNS = 4_000_000
"""Of the program: beyond, it takes more than a few GB."""


@dataclass(frozen=True, eq=False)
class OperatorPrices(Evidence):
    """What bills of members and operator at dual prices rest on.

    Attributes
    ----------
    cost : float
        What all pay together: energy and the operator's storage.
    duality_gap : float
        That cost minus the sum of the bills; zero up to rounding.
    capacity_kwh : float
        How much storage all use.
    """

    cost: float
    duality_gap: float
    capacity_kwh: float

    @property
    def n_evaluations(self) -> int:
        """That of all together."""
        return 1

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what the prices prove."""
        return [
            "At these prices no group, with or without the operator, is charged more than it costs "
            "on its own, and the bills add up to the cost of all."
        ]


def operator_game(terms: CloudTerms, operator: Hashable = OPERATOR) -> Game:
    """Return the cost game of members and operator.

    Raises
    ------
    GameError
        A member has the operator's label, the program is too large, or storage of any size pays.
    """
    terms.refuse_resale()
    members = terms.community.members
    if operator in members:
        raise GameError(f"{operator!r} is a member; give the operator another label")
    n_columns = 5 * len(members) * terms.community.steps.n_steps
    if n_columns > MOST_COLUMNS:
        raise GameError(
            f"the game of {len(members)} members and {terms.community.steps.n_steps} steps is a "
            f"program of {n_columns:,} columns; choose a shorter period (at most {MOST_COLUMNS:,})"
        )
    return Game.from_native(
        native_from(_compiled, terms),
        (*members, operator),
        kind="cost",
        rounding=terms.community.rounding,
    )


def operator_prices(terms: CloudTerms, operator: Hashable = OPERATOR) -> Allocation:
    """Return bills of members and operator at the dual prices of all, which are in the core."""
    game = operator_game(terms, operator)
    program, sizes = _program(terms)
    everybody = np.ones(game.n_players, dtype=np.bool_)
    native: LinearProductionGame = game.native  # type: ignore[assignment]
    columns, reduced, duals = native.optimum(everybody)
    bills = program.columns.price(reduced[program.columns.places], 1)
    bills = bills + program.rows.price(duals[program.rows.places], 1)
    cost = float((program.model.cost * columns).sum())
    return Allocation(
        game.players,
        bills,
        kind="cost",
        method="dual prices of a storage cloud",
        tolerance=RELATIVE_TOLERANCE * terms.turnover,
        evidence=OperatorPrices(cost, cost - float(bills.sum()), float(columns[sizes].max())),
    )


def _compiled(terms: CloudTerms) -> LinearProductionGame:
    program, _ = _program(terms)
    return compiled_game(program)


def _program(terms: CloudTerms) -> tuple[ReducedModel, NDArray[np.intp]]:
    """Return the program of everybody's schedule and the operator's storage.

    Per member and step, in kWh::

        import - export - charge + discharge = net load
        state - state before - ec charge + discharge / ed = 0
        sum of states <= energy, |sum of charge - discharge| <= power

    Members bring their net load, and without one nobody's part is used; the operator brings the
    storage.
    """
    community = terms.community
    net = community.net_load_kwh
    n_members, n_steps = net.shape
    n_players = n_members + 1
    energy_cost, power_cost, wear_cost = terms.costs
    builder = LinearBuilder(n_players)
    brings_storage = np.zeros(n_players)
    brings_storage[-1] = _most_of_operator(terms)
    energy = builder.add_columns(1, cost=energy_cost, upper=0.0, upper_brought=brings_storage)
    power = builder.add_columns(1, cost=power_cost)
    delivered = builder.add_columns(n_steps, cost=wear_cost) if wear_cost else None
    held = builder.add_rows(0.0, np.inf, (np.repeat(energy, n_steps), 1.0))
    drawn = builder.add_rows(0.0, np.inf, (np.repeat(power, n_steps), 1.0))
    fed = builder.add_rows(0.0, np.inf, (np.repeat(power, n_steps), 1.0))
    worn = None if delivered is None else builder.add_rows(0.0, np.inf, (delivered, 1.0))
    kept = np.ones(n_steps)
    kept[terms.starts] = 0.0
    for member in range(n_members):
        own = np.zeros(n_players)
        own[member] = 1.0
        grid_import = builder.add_columns(n_steps, cost=community.buy_per_kwh)
        grid_export = builder.add_columns(n_steps, cost=-community.sell_per_kwh)
        charge, discharge = builder.add_columns(n_steps), builder.add_columns(n_steps)
        # The part of somebody who is not there is used by nobody.
        most = _most_of_member(terms)
        state = builder.add_columns(n_steps, upper=0.0, upper_brought=most * own)
        load = np.outer(net[member], own)
        builder.add_rows(
            0.0,
            0.0,
            (grid_import, 1.0),
            (grid_export, -1.0),
            (charge, -1.0),
            (discharge, 1.0),
            lower_brought=load,
            upper_brought=load,
        )
        builder.add_rows(
            0.0,
            0.0,
            (state, 1.0),
            (np.roll(state, 1), -kept),
            (charge, -terms.charge_efficiency),
            (discharge, 1.0 / terms.discharge_efficiency),
        )
        if terms.hours is not None:
            part = builder.add_columns(1)
            per_step = np.repeat(part, n_steps)
            rate = community.steps.step_hours / terms.hours
            builder.add_rows(0.0, np.inf, (per_step, 1.0), (state, -1.0))
            builder.add_rows(0.0, np.inf, (per_step, rate), (charge, -1.0))
            builder.add_rows(0.0, np.inf, (per_step, rate), (discharge, -1.0))
        builder.add_entries(held, state, -1.0)
        for rows, sign in ((drawn, -1.0), (fed, 1.0), (worn, 1.0)):
            if rows is not None:
                builder.add_entries(rows, charge, sign)
                builder.add_entries(rows, discharge, -sign)
    return builder.program(), energy


def _most_of_member(terms: CloudTerms) -> float:
    """Return as much storage as one member can use."""
    if terms.resale:
        # Whatever there is pays, also beyond all loads.
        return terms.most_kwh
    losses = max(terms.charge_efficiency, 1.0 / terms.discharge_efficiency)
    enough = float(np.abs(terms.community.net_load_kwh).sum()) * losses
    return min(terms.most_kwh, enough)


def _most_of_operator(terms: CloudTerms) -> float:
    """Return as much storage as all can use, or what the operator owns."""
    if math.isfinite(terms.owned_kwh):
        return terms.owned_kwh
    return len(terms.community.members) * _most_of_member(terms)
