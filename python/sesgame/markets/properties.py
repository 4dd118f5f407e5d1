"""Which of the desirable properties hold of an outcome, and by what figure each of them fails.

No mechanism for a market with two sides has all of them (Myerson and Satterthwaite 1983), so the
honest question is how much each one costs on the input at hand.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Iterable, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import SolverError
from sesgame.files.json_text import plain
from sesgame.formatting import short_coalition
from sesgame.game.by_value import ByValue
from sesgame.markets.breakpoints import BookBreakpoints
from sesgame.markets.budget import BudgetBalance, budget_balance
from sesgame.markets.market import CORE_TIME_LIMIT, CoreGap, check_time_limit
from sesgame.markets.mechanism import MarketPromise, Mechanism
from sesgame.markets.order_book import OrderBook
from sesgame.markets.truthfulness import (
    MisreportScan,
    engine_rule_of,
    likely_price_factors,
    scan_until,
)
from sesgame.markets.verdict import Verdict
from sesgame.optional_imports import needs
from sesgame.progress import Report, progress_report

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from sesgame.markets.market import ClearableMarket
    from sesgame.markets.mechanism import Trials
    from sesgame.markets.settlement import Settlement

__all__ = ["PropertyReport", "property_report"]

EFFICIENT, RATIONAL, TRUTHFUL, CORE, BALANCED = (
    "efficient",
    "individually rational",
    "incentive compatible",
    "in the core",
    "budget balanced",
)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PropertyReport(ByValue):
    """What is known of an outcome on the reported values, and by how much what fails does so.

    Attributes
    ----------
    method : str
        The mechanism.
    verdicts : dict of str to Verdict
        What is known of each property, and on what ground.
    efficiency_loss : float
        Welfare below the best possible, or below a bound on it.
    largest_loss : float
        The most that a participant, named by `loser`, loses by taking part; 0 when nobody does.
    misreport_gain : float
        The most that a participant, named by `manipulator`, gains by a misreport that was tried;
        0 where none pays. Others may pay more.
    misreport : tuple of (float, float) or None
        By what the manipulator multiplies its prices and its quantities.
    price_gain_bound : float or None
        Nobody of those whose misreports were tried gains more than this by any factor of all its
        prices: the least such bound, which `misreport_gain` may miss by a little where it is
        approached just beside the price of somebody else. None where utility was tried at some
        factors only.
    misreports : int
        How many misreports were tried.
    scanned : int
        How many participants had their misreports tried.
    core_excess : float
        What the coalition `blocking` would gain by trading on its own; 0 when none was found.
    core_bound : float
        No coalition gains more than this: proof of the core when it is 0.
    budget : BudgetBalance
        What comes in and what goes out.
    tolerance : float
        Figures up to this are rounding.
    """

    method: str
    verdicts: dict[str, Verdict]
    efficiency_loss: float
    largest_loss: float
    loser: Hashable | None
    misreport_gain: float
    manipulator: Hashable | None
    misreport: tuple[float, float] | None
    price_gain_bound: float | None
    misreports: int
    scanned: int
    core_excess: float
    core_bound: float
    blocking: frozenset[Hashable] | None
    budget: BudgetBalance
    tolerance: float

    @property
    def efficient(self) -> bool | None:
        """Whether no welfare is lost; None where that is not known."""
        return self.verdicts[EFFICIENT].holds

    @property
    def individually_rational(self) -> bool | None:
        """Whether nobody loses by taking part."""
        return self.verdicts[RATIONAL].holds

    @property
    def incentive_compatible(self) -> bool | None:
        """Whether no misreport pays; None where none was found that does, and none is excluded."""
        return self.verdicts[TRUTHFUL].holds

    @property
    def in_core(self) -> bool | None:
        """Whether no coalition gains by trading on its own; None where neither is proved."""
        return self.verdicts[CORE].holds

    def to_dict(self) -> dict[str, Any]:
        """Return all figures and verdicts in the types that JSON knows."""
        return {
            **plain(self),
            "verdicts": {name: verdict.to_dict() for name, verdict in self.verdicts.items()},
            **{name: getattr(self, name) for name in ("efficient", "individually_rational")},
            **{name: getattr(self, name) for name in ("incentive_compatible", "in_core")},
            "budget_balanced": self.budget.balanced,
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return a row for each property: what is known, by what figure it fails, on what ground.

        Needs the extra ``pandas``.
        """
        with needs("pandas", "frames need pandas"):
            import pandas as pd

        rows = {
            name: {
                "verdict": verdict.word,
                "holds": verdict.holds,
                "figure": verdict.figure,
                "ground": verdict.ground,
            }
            for name, verdict in self.verdicts.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("property")

    def __repr__(self) -> str:
        rows = [f"  {name:<22} {verdict}" for name, verdict in self.verdicts.items()]
        return "\n".join([f"PropertyReport({self.method!r})", *rows])


def property_report(
    settlement: Settlement,
    market: ClearableMarket,
    *,
    scan: Iterable[Hashable] | None,
    seed: int,
    max_seconds: float,
    progress: bool,
    ranked: Iterable[int],
    trials: Trials,
    best_welfare: float,
    rest: float | NDArray[np.float64],
    is_optimum: bool = True,
    theorem: str = "by theorem",
) -> PropertyReport:
    """Return what is known of a settlement.

    Parameters
    ----------
    settlement : Settlement
        Of any mechanism, repaired or not.
    market : ClearableMarket
        What was settled.
    scan : iterable of hashable or None
        The participants whose misreports are tried. By default everybody, or a sample where that
        is more than `trials` allow; nobody where truthfulness is a theorem.
    seed : int
        Draws that sample.
    max_seconds : float
        After so much time no further misreport is tried. What has been tried counts.
    progress : bool
        Show the misreports tried where standard error is a terminal.
    ranked : iterable of int
        All participants by position, the most active first: they are in the sample.
    trials : Trials
        What this kind of market affords; the mechanism may afford less.
    best_welfare : float
        The largest welfare of any outcome.
    rest : float or ndarray of float
        What those have who do not bid, as in :meth:`ClearableMarket.core_gap`.
    is_optimum : bool, default True
        Whether some outcome has that welfare, rather than none more.
    theorem : str
        How the truthfulness that the mechanism promises is said.

    Raises
    ------
    GameError
        `scan` names somebody who has no order, or `max_seconds` is not positive.
    CoalitionError
        `scan` names somebody who is no participant.

    References
    ----------
    Myerson and Satterthwaite (1983) [myerson1983]_.
    """
    check_time_limit(max_seconds, "max_seconds")
    start = monotonic()
    utilities = settlement.utilities
    tolerance = settlement.tolerance * len(utilities)
    rule = settlement.rule
    traders = [market.participants[int(i)] for i in ranked]
    traders = [trader for trader in traders if market.has_orders(trader)]
    promised = _promises_truth(rule, market)
    if isinstance(rule, Mechanism):
        trials = trials.at_most(rule.trials)
    if scan is not None:
        tried = list(scan)
    elif promised or rule is None:
        tried = []
    else:
        tried = _sample(traders, trials.participants, seed)
    # Half of the time for the core: it has a bound at any time, and misreports need no more.
    core, unsearched = _core_within(market, utilities, rest, settlement, max_seconds / 2)
    again = rule(market) if rule is not None and (promised or tried) else settlement
    genuine = rule is not None and _is_made_by(settlement, again)
    with progress_report("misreports", "", progress) as report:
        clock = _Clock(report, start + max_seconds)
        scans = _scans(rule, again, tried if genuine else [], market, trials, clock)
    best = max(scans, key=lambda one: one.gain, default=None)
    if best is not None and best.gain <= tolerance:
        best = None
    count = sum(one.evaluations for one in scans)
    exact = [one.largest_gain for one in scans if one.largest_gain is not None]
    bound = max(exact) if scans and not clock.stopped and exact else None
    if best is not None:
        ground = f"{best.participant} gains at least {best.what_pays}"
        truthful = Verdict("no", ground, best.gain)
    elif not genuine:
        ground = "" if rule is None else "the payments are not those of the rule"
        truthful = Verdict("unknown", ground)
    elif promised:
        truthful = Verdict("yes", theorem)
    elif not count:
        truthful = Verdict("unknown", "no misreport was tried")
    else:
        n = len({one.participant for one in scans})
        who = f"{n}" if n >= len(traders) else f"{n} of {len(traders)}"
        plural = "" if who == "1" else "s"
        stopped = f", stopped after {max_seconds:g} s" if clock.stopped else ""
        every = ", all factors of prices among them" if bound is not None else ""
        ground = f"{count:,} misreports of {who} participant{plural}{every}{stopped}"
        truthful = Verdict("none found", ground)

    loser = int(np.argmin(utilities))
    loss = max(0.0, -float(utilities[loser]))
    rational = Verdict("yes")
    if loss > tolerance:
        rational = Verdict("no", f"{settlement.participants[loser]} loses {loss:.6g}", loss)
    budget = budget_balance(settlement)
    efficiency_loss = max(0.0, best_welfare - settlement.welfare)
    return PropertyReport(
        method=settlement.method,
        verdicts={
            EFFICIENT: _efficiency(efficiency_loss, tolerance, is_optimum),
            RATIONAL: rational,
            TRUTHFUL: truthful,
            CORE: Verdict("unknown", unsearched) if unsearched else _core(core, tolerance),
            BALANCED: _balance(budget),
        },
        efficiency_loss=efficiency_loss,
        largest_loss=loss,
        loser=settlement.participants[loser] if loss > tolerance else None,
        misreport_gain=0.0 if best is None else best.gain,
        manipulator=None if best is None else best.participant,
        misreport=None if best is None else best.best_misreport,
        price_gain_bound=bound,
        misreports=count,
        scanned=len({one.participant for one in scans}),
        core_excess=core.excess,
        core_bound=core.bound,
        blocking=core.blocking,
        budget=budget,
        tolerance=tolerance,
    )


def _promises_truth(rule: object, market: ClearableMarket) -> bool:
    """Return whether it is a theorem of this mechanism, on this kind of market, that truth pays."""
    return (
        isinstance(rule, Mechanism)
        and rule.takes(type(market))
        and MarketPromise.TRUTHFUL in rule.promises
    )


def _efficiency(loss: float, tolerance: float, is_optimum: bool) -> Verdict:
    if loss <= tolerance:
        return Verdict("yes")
    if is_optimum:
        return Verdict("no", f"{loss:.6g} of welfare lost", loss)
    return Verdict("unknown", f"at most {loss:.6g} of welfare lost")


def _core_within(
    market: ClearableMarket,
    utilities: NDArray[np.float64],
    rest: Any,
    settlement: Settlement,
    seconds: float,
) -> tuple[CoreGap, str]:
    """Return how far utilities are from the core, or why nothing is known of that."""
    tolerance, limit = settlement.tolerance, min(CORE_TIME_LIMIT, seconds)
    try:
        return market.core_gap(utilities, rest, tolerance=tolerance, time_limit=limit), ""
    except SolverError as error:
        if seconds >= CORE_TIME_LIMIT:
            raise
        # So little time that the search had nothing to show yet.
        return CoreGap(0.0, math.inf, None), f"{error}, in {limit:g} s"


def _core(core: CoreGap, tolerance: float) -> Verdict:
    if core.bound <= tolerance:
        return Verdict("yes")
    if core.excess > tolerance:
        names = short_coalition(sorted(core.blocking or (), key=str))
        return Verdict("no", f"{names} gains at least {core.excess:.6g}", core.excess)
    return Verdict("unknown", f"no coalition gains more than {core.bound:.6g}")


def _balance(budget: BudgetBalance) -> Verdict:
    if budget.balanced:
        return Verdict("yes")
    word = "surplus" if budget.gap > 0 else "deficit"
    return Verdict("no", f"{word} {abs(budget.gap):.6g}", budget.gap)


def _sample(traders: Sequence[Hashable], count: int, seed: int) -> list[Hashable]:
    """Return everybody, or the more active half of a sample and others by lot."""
    if len(traders) <= count:
        return list(traders)
    first = (count + 1) // 2
    lot = np.random.default_rng(seed).permutation(np.arange(first, len(traders)))
    return [traders[int(i)] for i in (*range(first), *sorted(lot[: count - first]))]


def _is_made_by(settlement: Settlement, again: Settlement) -> bool:
    """Return whether a settlement is what its rule makes, rather than edited afterwards."""
    return bool(
        np.abs(settlement.payments - again.payments).max() <= settlement.tolerance
        and np.abs(settlement.values - again.values).max() <= settlement.tolerance
    )


class _Clock:
    """What has been tried, and whether there is time for more."""

    def __init__(self, report: Report | None, end: float) -> None:
        self.report, self.end = report, end
        self.total, self.stopped = 0, False

    def part(self, done: int, size: int, count: int) -> bool:
        """Take note of how much of a participant's scan is done; return whether to go on."""
        if self.report is not None:
            self.report(done + count / size, self.total)
        self.stopped = monotonic() >= self.end and (done + 1 < self.total or count < size)
        return not self.stopped


def _scans(
    rule: Any,
    truth: Settlement,
    tried: Sequence[Hashable],
    market: ClearableMarket,
    trials: Trials,
    clock: _Clock,
) -> list[MisreportScan]:
    """Return what misreports bring each participant: of prices, and then of quantities."""
    one = np.ones(1)
    withheld = (1 - 2.0 ** -np.arange(1, trials.quantities + 1)).astype(np.float64)
    engine_rule = engine_rule_of(rule, truth)
    exact = None
    if engine_rule is not None and isinstance(market, OrderBook):
        exact = BookBreakpoints(market)
    clock.total = len(tried)
    scans = []
    for done, participant in enumerate(tried):
        if exact is not None and engine_rule is not None:
            best = exact.prices(participant, engine_rule)
            by_price = (np.array([best.factor]), one)
            # Without trials of quantities these are taken as known.
            some = exact.quantities(participant) if withheld.size else withheld
            by_quantity = (one, np.union1d(withheld, some))
        else:
            best = None
            by_price = (likely_price_factors(market, participant, trials.prices), one)
            by_quantity = (one, withheld)
        for factors in (by_price, by_quantity):
            if not factors[1].size or clock.stopped:
                continue
            size = len(factors[0]) * len(factors[1])
            part = partial(clock.part, done, size)
            scan = scan_until(rule, participant, market, factors, part, truth=truth)
            if best is not None and factors is by_price:
                scan = scan.with_supremum(best)
            if scan.utilities.size:
                scans.append(scan)
        if clock.stopped:
            break
    return scans
