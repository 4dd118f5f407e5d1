"""What row generation with an oracle claims, and its check by code that is not the solver's.

The weights, values and excesses of the stages are checked here; that no other coalition has a
larger excess than a stage allows is the oracle's word, so the oracle is asked for it once more.
"""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import CoalitionError, OracleError
from sesgame.files.json_text import InfiniteAsNull, unkept
from sesgame.formatting import count, format_coalition
from sesgame.game.allocation import Allocation, Amount, Evidence, checked_values
from sesgame.game.precision import equal_for_oracle
from sesgame.stability.null_space import Annihilator, Span
from sesgame.stability.separation_oracle import Separator
from sesgame.stability.stages import Stage
from sesgame.stability.verification import NO_FRACTIONS, Verification, balance, has_shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sesgame.game.game import Game
    from sesgame.stability.separation_oracle import SeparationOracle

__all__ = ["GeneratedEvidence", "GeneratedStage", "GenerationEffort"]


@dataclasses.dataclass(frozen=True)
class GeneratedStage(Stage):
    """A stage whose coalitions an oracle named.

    Attributes
    ----------
    values : tuple of float
        The value of each of `coalitions`.
    bound : float
        The oracle proved that no coalition outside the span of the earlier stages has a larger
        excess; infinite where it proved nothing.
    """

    values: tuple[float, ...] = ()
    bound: InfiniteAsNull = math.inf


@dataclasses.dataclass(frozen=True, eq=False)
class GenerationEffort(Evidence):
    """What generating rows took.

    Attributes
    ----------
    rounds : int
        Solutions of the linear programs.
    oracle_calls : int
        How often the oracle was asked.
    pool_rows : int
        Coalitions that the linear programs ended with.
    pivots : int
        Simplex pivots.
    evaluations : int
        Coalitions whose values were asked for, by the local search most of them, and coalitions
        that the oracle named.
    """

    rounds: int
    oracle_calls: int
    pool_rows: int
    pivots: int
    evaluations: int


@dataclasses.dataclass(frozen=True, eq=False)
class GeneratedEvidence(Evidence):
    """What is proved of an allocation that was found with a separation oracle, and what is not.

    Attributes
    ----------
    proved : bool
        The oracle proved every stage within `tolerance`: the allocation is what its method says.
    lower_bound : float
        No efficient allocation (if `individually_rational`, no imputation) has a smaller largest
        excess. It follows from the weights of the first stage and the values of its coalitions,
        whatever the oracle found or missed.
    upper_bound : float
        No coalition has a larger excess at this allocation; infinite where the oracle proved
        nothing. The least possible largest excess lies between the two bounds.
    stages : tuple of GeneratedStage
        As in a nucleolus from a table: coalitions that hold an excess down, and their weights.
    individually_rational : bool
        Whether no player may get less than alone.
    complete : bool
        Whether the stages are to settle every player, as those of a nucleolus do.
    values : tuple of float
        The allocation.
    reason : str
        Why not every stage is proved, where that is so; not read back.
    effort : GenerationEffort or None
        What it took; not read back.
    tolerance : float
        Excesses closer than this counted as equal for the search; not read back.
    surplus : float
        What all together have over each alone; not read back.
    """

    proved: bool
    lower_bound: float
    upper_bound: InfiniteAsNull
    stages: tuple[GeneratedStage, ...]
    individually_rational: bool
    complete: bool
    values: tuple[float, ...]
    reason: str = unkept("")
    effort: GenerationEffort | None = unkept(None)
    tolerance: float = unkept(0.0)
    surplus: float = unkept(0.0)

    @property
    def n_evaluations(self) -> int | None:
        """Those of the search."""
        return None if self.effort is None else self.effort.evaluations

    @property
    def unproved(self) -> str:
        """Why the oracle did not prove every stage."""
        return "" if self.proved else self.reason or "the oracle did not prove every stage"

    @property
    def manner(self) -> str:
        """Whether the oracle proved every stage."""
        return "" if self.proved else "not proved"

    @property
    def levels(self) -> tuple[GeneratedStage, ...]:
        """The stages."""
        return self.stages

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return between what the least possible largest excess lies, where that is open."""
        if self.proved:
            return []
        name = allocation.method.split(" (")[0]
        gap = self.upper_bound - self.lower_bound
        what = "savings" if allocation.kind == "cost" else "surplus"
        part = f", {gap / self.surplus:.1e} of the {what}" if 0 < gap < self.surplus else ""
        return [
            f"{name[0].upper()}{name[1:]} not certified ({self.unproved}). The minimal largest "
            f"excess lies in [{amount(self.lower_bound)}, {amount(self.upper_bound)}]{part}."
        ]

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what the search has proved."""
        if not self.proved:
            return []
        asked = ""
        if self.effort is not None:
            asked = f"{count(self.effort.oracle_calls, 'oracle call')}, "
        return [
            f"Found by separation: {asked}{count(len(self.stages), 'stage')}. No split has a "
            f"largest excess below {amount(self.lower_bound)} (proved lower bound)."
        ]

    def verify(
        self, game: Game, oracle: SeparationOracle | None = None, *, exact: bool = False
    ) -> Verification:
        """Check the evidence with code that shares nothing with the solver.

        Stage by stage: the weights balance (in fractions), the coalitions have the values and
        excesses they are said to have, and the oracle, asked anew, finds none above. Without an
        oracle, or with a heuristic one, that last part is listed in `unchecked`.

        Parameters
        ----------
        game : Game
            The values of the stages' coalitions are asked of it.
        oracle : SeparationOracle, optional
            That of the solution, or better another one.
        exact : bool, default False
            Refused: an oracle's word has no fractions.

        Returns
        -------
        Verification
            True as a condition when its `claim` is proved. Open without an oracle, or with one that
            proves nothing. Evidence that is not `proved` claims only that no excess is above
            `upper_bound`.

        Raises
        ------
        OracleError
            With `exact`.

        Notes
        -----
        What counts as equal is 1e-7 of the largest of the values of 1, n - 1 and n players and the
        accuracy of the game, whatever the evidence says.
        """
        if exact:
            raise OracleError(NO_FRACTIONS)
        return _Check(game, self, oracle).verification()


class _Check:
    """Goes through the stages of evidence one after the other; keeps what fails.

    Values, shares and excesses are in the sense of gains.
    """

    def __init__(
        self, game: Game, evidence: GeneratedEvidence, oracle: SeparationOracle | None
    ) -> None:
        self.game = game
        self.evidence = evidence
        self.slack = equal_for_oracle(game)
        self.separator = None if oracle is None else Separator(game, oracle, self.slack)
        self.x = game.sign * checked_values(game.players, evidence.values)
        self.failures: list[str] = []
        self.unchecked: list[str] = []
        # Without proof the stages say no more than that no allocation is below the first.
        self.claimed = evidence.stages if evidence.proved else evidence.stages[:1]
        # What is settled: vectors by number, their sums of shares, and what tells their span.
        n = game.n_players
        self.vectors = {0: [1] * n}
        self.totals: dict[int, Fraction] = {}
        self.span, self.outside = Span(), Annihilator(n)
        self.span.insert(0, self.vectors[0])
        self.outside.insert(np.ones(n, dtype=np.bool_))

    def verification(self) -> Verification:
        """Return what all checks together find."""
        self._allocation()
        try:
            for number, stage in enumerate(self.claimed, start=1):
                if not self._stage(number, stage):
                    break
        except CoalitionError as error:
            self.failures.append(f"stage {number}: {error}")
        self._bounds()
        return Verification(
            claim=self._claim,
            failures=tuple(self.failures),
            exact=False,
            values=self.evidence.values,
            unchecked=tuple(self.unchecked),
        )

    @property
    def _claim(self) -> str:
        """What the evidence says of the allocation."""
        evidence = self.evidence
        if not evidence.proved:
            return f"the largest excess is at most {evidence.upper_bound!r}"
        if not evidence.complete:
            return f"in the least core of this game, whose value is {evidence.lower_bound!r}"
        if evidence.individually_rational:
            return "the nucleolus of this game"
        return "the prenucleolus of this game"

    def _allocation(self) -> None:
        """Check that the allocation is efficient and, where that is claimed, rational."""
        game, n = self.game, self.game.n_players
        single = np.concatenate([np.eye(n, dtype=np.bool_), np.ones((1, n), dtype=np.bool_)])
        *alone, total = game.sign * game.values(single, progress=False)
        self.totals[0] = Fraction(float(total))
        if abs(self.x.sum() - total) > self.slack * n:
            self.failures.append(f"the shares sum to {float(self.x.sum())!r}, not {float(total)!r}")
        if self.evidence.individually_rational:
            self.failures += [
                f"{player} gets less than alone"
                for player, share, value in zip(game.players, self.x, alone, strict=True)
                if share < value - self.slack
            ]

    def _stage(self, number: int, stage: GeneratedStage) -> bool:
        """Check one stage and settle it; tell whether the next one can be checked."""
        rows = np.zeros(
            (len(stage.coalitions) + len(stage.bounds), self.game.n_players), dtype=np.bool_
        )
        named = [*stage.coalitions, *((player,) for player in stage.bounds)]
        for row, coalition in zip(rows, named, strict=True):
            row[self.game.players.indices(coalition)] = True
        values = self.game.sign * self.game.values(rows, progress=False)
        worth = [Fraction(value) for value in values.tolist()]
        failure = self._weights(number, stage, rows, worth)
        if stage.bounds and not self.evidence.individually_rational:
            failure = f"stage {number} has bounds, but players may get less than alone"
        if number > 1 and not stage.excess <= self.claimed[number - 2].excess + self.slack:
            failure = f"stage {number} has a larger excess than the one before"
        if not failure and (self.evidence.complete or number == 1):
            failure = self._oracle(number, stage)
        if failure:
            self.failures.append(failure)
            return False
        for row in rows:
            self.outside.insert(row)
        if self.evidence.proved:
            self._excesses(stage, rows, worth)
        return True

    def _weights(
        self,
        number: int,
        stage: GeneratedStage,
        rows: NDArray[np.bool_],
        worth: Sequence[Fraction],
    ) -> str:
        """Say why the weights of a stage do not prove its excess; settle its coalitions if so."""
        sign, count = self.game.sign, len(stage.coalitions)
        if len(stage.values) != count:
            return f"stage {number} has {count} coalitions and {len(stage.values)} values"
        for coalition, value, said in zip(stage.coalitions, worth, stage.values, strict=False):
            if not abs(float(value) - sign * said) <= self.slack:
                name = format_coalition(coalition)
                return f"{name} is worth {sign * float(value)!r}, not {said!r}"
        first = len(self.vectors)
        masks = [sum(1 << int(index) for index in np.flatnonzero(row)) for row in rows]
        relation = balance(self.span, self.vectors, masks, self.game.n_players)
        shares = [relation.get(first + place, Fraction(0)) for place in range(len(masks))]
        if not count or any(share <= 0 for share in shares):
            return f"the coalitions of stage {number} do not balance"
        if not (rows[:count] @ self.outside.rows.T != 0).any(axis=1).all():
            return f"stage {number} has a coalition that is settled before"
        if not has_shares(stage, shares):
            return f"the weights of stage {number} are not those that balance it"
        settled = sum(
            (share * self.totals[known] for known, share in relation.items() if known < first),
            Fraction(0),
        )
        offered = sum((a * b for a, b in zip(shares, worth, strict=True)), Fraction(0))
        level = (offered + settled) / sum(shares[:count], Fraction(0))
        if not abs(float(level) - stage.excess) <= self.slack:
            return f"the weights of stage {number} prove {float(level)!r}, not {stage.excess!r}"
        for place, value in enumerate(worth):
            self.totals[first + place] = value - (level if place < count else 0)
        return ""

    def _oracle(self, number: int, stage: GeneratedStage) -> str:
        """Ask the oracle anew for coalitions above a stage; return why its answer is at odds."""
        evidence = self.evidence
        limit = stage.excess if evidence.proved else evidence.upper_bound
        largest = math.inf
        if self.separator is not None:
            outside: NDArray[Any] | None = None if number == 1 else self.outside.rows.copy()
            x = np.array(evidence.values)
            try:
                largest = self.separator.ask(x, 1, stage.excess, outside, math.inf).bound
            except OracleError as error:
                return f"at stage {number}: {error}"
        if not stage.bound >= stage.excess - self.slack:
            return f"stage {number} has the excess {stage.excess!r}, above its bound"
        if evidence.proved and not stage.bound <= stage.excess + self.slack:
            return f"stage {number} is not proved: its bound is {stage.bound!r}"
        if largest == math.inf or limit == math.inf:
            self.unchecked.append(f"that no coalition is above stage {number}")
        elif largest > stage.bound + self.slack:
            self.failures.append(
                f"the oracle bounds stage {number} by {largest!r}, not {stage.bound!r}"
            )
        elif largest > limit + self.slack:
            self.failures.append(f"the oracle bounds stage {number} by {largest!r}, not {limit!r}")
        elif number == 1 and largest > evidence.upper_bound + self.slack:
            self.failures.append(f"the oracle bounds all by {largest!r}, above the upper bound")
        return ""

    def _excesses(
        self, stage: GeneratedStage, rows: NDArray[np.bool_], worth: Sequence[Fraction]
    ) -> None:
        """Check that the coalitions of a stage have its excess, and its bounds hold exactly."""
        excesses = np.array([float(value) for value in worth]) - rows @ self.x
        said = np.where(np.arange(len(rows)) < len(stage.coalitions), stage.excess, 0.0)
        self.failures += [
            f"{format_coalition(self.game.players.ordered_labels(rows[index]))} has the excess "
            f"{float(excesses[index])!r}, not {float(said[index])!r}"
            for index in np.flatnonzero(np.abs(excesses - said) > self.slack)
        ]

    def _bounds(self) -> None:
        """Check the two bounds against the first stage, and that the stages settle everybody."""
        evidence, n = self.evidence, self.game.n_players
        if self.claimed and not self.failures:
            first = self.claimed[0].excess
            if not abs(first - evidence.lower_bound) <= self.slack:
                self.failures.append("the lower bound is not that of the first stage")
            if evidence.proved and not abs(first - evidence.upper_bound) <= self.slack:
                self.failures.append("the upper bound is not that of the first stage")
        if not self.failures and not evidence.upper_bound >= evidence.lower_bound - self.slack:
            self.failures.append("the upper bound is below the lower one")
        if not self.claimed and n > 1:
            self.failures.append("there are no stages")
        if evidence.proved and evidence.complete and not self.failures and self.span.rank < n:
            self.failures.append(f"the stages settle {self.span.rank} of {n} dimensions")
