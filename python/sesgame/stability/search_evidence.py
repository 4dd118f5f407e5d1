"""The check of what row generation with an oracle claims, by code that is not the solver's.

The weights, values and excesses of the stages are checked here; that no other coalition objects
more than a stage allows is the oracle's word, so the oracle is asked for it once more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import OracleError
from sesgame.formatting import format_coalition
from sesgame.game.allocation import checked_values
from sesgame.stability.null_space import Annihilator
from sesgame.stability.verification import Span, Verification, balance, has_shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.game import Game
    from sesgame.stability.row_generation import GeneratedEvidence, GeneratedStage

__all__ = ["verify_generated"]

Bound = Callable[[float, "NDArray[Any] | None"], float]
"""The proved bound on the excess of coalitions outside a span, given the level it should have."""


def verify_generated(game: Game, evidence: GeneratedEvidence, bound: Bound) -> Verification:
    """Check evidence; `bound` asks the oracle, or says infinity."""
    failures: list[str] = []
    unchecked: list[str] = []
    n, sign, slack = game.n_players, game.sign, 2 * evidence.tolerance
    x = sign * checked_values(game.players, evidence.values)
    whole = np.ones(n, dtype=np.bool_)
    single = np.concatenate([np.eye(n, dtype=np.bool_), whole[np.newaxis]])
    *alone, total = sign * game.values(single, progress=False)
    if abs(x.sum() - total) > slack * n:
        failures.append(f"the allocation hands out {x.sum()!r}, not {total!r}")
    if evidence.individually_rational:
        failures += [
            f"{player} gets less than alone"
            for player, share, value in zip(game.players, x, alone, strict=True)
            if share < value - slack
        ]
    if not evidence.proved:
        unchecked.append(evidence.reason)
    span, outside = Span(), Annihilator(n)
    vectors = {0: [1] * n}
    totals = {0: Fraction(float(total))}
    span.insert(0, vectors[0])
    outside.insert(whole)
    # Without proof the stages say no more than that no allocation is below the first.
    claimed = evidence.stages if evidence.proved else evidence.stages[:1]
    for number, stage in enumerate(claimed, start=1):
        rows = np.zeros((len(stage.coalitions) + len(stage.bounds), n), dtype=np.bool_)
        named = [*stage.coalitions, *((player,) for player in stage.bounds)]
        for row, coalition in zip(rows, named, strict=True):
            row[game.players.indices(coalition)] = True
        worth = [Fraction(value) for value in (sign * game.values(rows, progress=False)).tolist()]
        failure = _wrong(game, number, stage, rows, worth, span, vectors, totals, slack)
        if stage.bounds and not evidence.individually_rational:
            failure = f"stage {number} has bounds, but players may get less than alone"
        if number > 1 and not stage.excess <= claimed[number - 2].excess + slack:
            failure = f"stage {number} has a larger excess than the one before"
        if failure:
            failures.append(failure)
            break
        if evidence.complete or number == 1:
            limit = stage.excess if evidence.proved else evidence.upper_bound
            try:
                largest = bound(stage.excess, None if number == 1 else outside.rows.copy())
            except OracleError as error:
                failures.append(f"at stage {number}: {error}")
                break
            if largest == math.inf:
                unchecked.append(f"that no coalition is above stage {number}")
            elif largest > limit + slack:
                failures.append(f"the oracle bounds stage {number} by {largest!r}, not {limit!r}")
            elif number == 1 and largest > evidence.upper_bound + slack:
                failures.append(f"the oracle bounds all by {largest!r}, above the upper bound")
        for row in rows:
            outside.insert(row)
        if evidence.proved:
            failures += _wrong_excesses(game, stage, rows, worth, x, slack)
    if claimed and not failures:
        first = claimed[0].excess
        if not abs(first - evidence.lower_bound) <= slack:
            failures.append("the lower bound is not that of the first stage")
        if evidence.proved and not abs(first - evidence.upper_bound) <= slack:
            failures.append("the upper bound is not that of the first stage")
    if not claimed and n > 1:
        failures.append("there are no stages")
    if evidence.proved and evidence.complete and not failures and span.rank < n:
        failures.append(f"the stages settle {span.rank} of {n} dimensions")
    return Verification(
        holds=not failures,
        failures=tuple(failures),
        exact=False,
        values=evidence.values,
        unchecked=tuple(unchecked),
    )


def _wrong(
    game: Game,
    number: int,
    stage: GeneratedStage,
    rows: NDArray[np.bool_],
    worth: list[Fraction],
    span: Span,
    vectors: dict[int, list[int]],
    totals: dict[int, Fraction],
    slack: float,
) -> str:
    """Say why the weights of a stage do not prove its excess; settle its coalitions if they do."""
    n, count = len(vectors[0]), len(stage.coalitions)
    if len(stage.values) != count:
        return f"stage {number} has {count} coalitions and {len(stage.values)} values"
    for coalition, value, said in zip(stage.coalitions, worth, stage.values, strict=False):
        if not abs(float(value) - game.sign * said) <= slack:
            name = format_coalition(coalition)
            return f"{name} is worth {game.sign * float(value)!r}, not {said!r}"
    first = len(vectors)
    masks = [sum(1 << int(index) for index in np.flatnonzero(row)) for row in rows]
    relation = balance(span, vectors, masks, n)
    shares = [relation.get(first + place, Fraction(0)) for place in range(len(masks))]
    if not count or any(share <= 0 for share in shares):
        return f"the coalitions of stage {number} do not balance"
    if not has_shares(stage, shares):
        return f"the weights of stage {number} are not those that balance it"
    settled = sum(
        (share * totals[known] for known, share in relation.items() if known < first), Fraction(0)
    )
    offered = sum((a * b for a, b in zip(shares, worth, strict=True)), Fraction(0))
    level = (offered + settled) / sum(shares[:count], Fraction(0))
    if not abs(float(level) - stage.excess) <= slack:
        return f"the weights of stage {number} prove {float(level)!r}, not {stage.excess!r}"
    for place, value in enumerate(worth):
        totals[first + place] = value - (level if place < count else 0)
    return ""


def _wrong_excesses(
    game: Game,
    stage: GeneratedStage,
    rows: NDArray[np.bool_],
    worth: list[Fraction],
    x: NDArray[np.float64],
    slack: float,
) -> list[str]:
    excesses = np.array([float(value) for value in worth]) - rows @ x
    said = np.where(np.arange(len(rows)) < len(stage.coalitions), stage.excess, 0.0)
    return [
        f"{format_coalition(game.players.ordered_labels(rows[index]))} has the excess "
        f"{float(excesses[index])!r}, not {float(said[index])!r}"
        for index in np.flatnonzero(np.abs(excesses - said) > slack)
    ]
