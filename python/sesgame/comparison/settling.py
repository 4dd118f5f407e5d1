"""Mechanisms applied to one market: the rows of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias

from sesgame.comparison.market_comparison import ComparedMechanism, MarketComparison
from sesgame.errors import AllocationError, GameError, SesgameError
from sesgame.formatting import named as described
from sesgame.game.by_value import equal
from sesgame.markets.catalogue import MECHANISMS
from sesgame.markets.market import check_time_limit
from sesgame.markets.settlement import Settlement

if TYPE_CHECKING:
    from sesgame.markets.market import ClearableMarket

__all__ = ["Settling", "mechanisms_compared"]

Settling: TypeAlias = str | Settlement | Callable[[Any], Settlement]
"""The name of a mechanism, a mechanism of one's own, or what it has made."""

ALL = "all"
"""Stands for all mechanisms that take the market."""


def mechanisms_compared(
    market: ClearableMarket,
    rules: Iterable[Settling] | Mapping[str, Settling] | None,
    *,
    seed: int = 0,
    max_seconds: float | None = None,
    unit: str = "",
    progress: bool = True,
    done: Callable[[ComparedMechanism], None] | None = None,
) -> MarketComparison:
    """Settle a market by several mechanisms, and show what holds of each.

    Parameters
    ----------
    market : ClearableMarket
        An order book, a network market, a storage auction.
    rules : iterable or mapping of str to rule, optional
        Names of mechanisms, mechanisms of one's own, and settlements of this market; by default all
        mechanisms that take it.
    seed, max_seconds, progress
        As in :meth:`OneBusSettlement.properties <sesgame.markets.OneBusSettlement.properties>`;
        `max_seconds` for each rule.
    unit : str
        The currency.
    done : callable, optional
        What is told of each row.

    Raises
    ------
    GameError
        There is no mechanism of that name, or a rule is none of what may be compared.
    AllocationError
        There is nothing to compare, or a settlement is of another market.
    """
    limits: dict[str, Any] = {"seed": seed, "progress": progress}
    if max_seconds is not None:
        check_time_limit(max_seconds, "max_seconds")
        limits["max_seconds"] = max_seconds
    rows = []
    for name, rule in _named(market, rules).items():
        row = _settled(market, name, rule, limits)
        rows.append(row)
        if done is not None:
            done(row)
    return MarketComparison(
        participants=market.participants,
        market=repr(market),
        best_welfare=market.clear().welfare,
        rows=tuple(rows),
        unit=unit,
    )


def _named(
    market: ClearableMarket, rules: Iterable[Settling] | Mapping[str, Settling] | None
) -> dict[str, Settling]:
    """Return what is compared by names that differ."""
    fitting = [one.name for one in MECHANISMS.values() if one.takes(type(market))]
    if rules is None:
        rules = [ALL]
    if isinstance(rules, (str, Settlement)) or callable(rules):
        rules = [rules]
    if isinstance(rules, bytes) or not isinstance(rules, Iterable):
        raise GameError(
            f"rules must be names of mechanisms, mechanisms or settlements, got {described(rules)}"
        )
    given = list(rules.items()) if isinstance(rules, Mapping) else [("", rule) for rule in rules]
    named: dict[str, Settling] = {}
    for name, rule in given:
        if isinstance(rule, str) and rule == ALL and not name:
            named.update((each, each) for each in fitting)
            continue
        if isinstance(rule, str):
            MECHANISMS.check([rule])
        elif isinstance(rule, Settlement):
            _check_market(market, rule)
        elif not callable(rule):
            raise GameError(
                f"a rule must be the name of a mechanism, a mechanism or a settlement, got "
                f"{described(rule)}"
            )
        title = name or _title(rule)
        number = 1
        while title in named and not (isinstance(rule, str) and named[title] == rule):
            number += 1
            title = f"{name or _title(rule)} ({number})"
        named[title] = rule
    if not named:
        raise AllocationError("no mechanism and no settlement to compare")
    return named


def _title(rule: Settling) -> str:
    if isinstance(rule, str):
        return rule
    if isinstance(rule, Settlement):
        return rule.method
    name = getattr(rule, "name", getattr(rule, "__name__", type(rule).__name__))
    return str(name)


def _check_market(market: ClearableMarket, settlement: Settlement) -> None:
    """Refuse the settlement of another market, or of one that cannot be told to be this one."""
    if settlement.participants != market.participants:
        raise AllocationError(f"{settlement.method} settles a market of other participants")
    own = [getattr(settlement, name, None) for name in ("book", "market", "auction")]
    settled = [one for one in own if one is not None]
    if settled and not equal(settled[0], market):
        raise AllocationError(f"{settlement.method} settles another market: {settled[0]!r}")


def _settled(
    market: ClearableMarket, name: str, rule: Settling, limits: Mapping[str, Any]
) -> ComparedMechanism:
    """Return the row of one mechanism, with the reason where it fails."""
    start = perf_counter()
    try:
        settlement = _applied(market, name, rule)
    except SesgameError as error:
        return ComparedMechanism(name, failure=" ".join(str(error).split()).rstrip("."))
    seconds = None if isinstance(rule, Settlement) else perf_counter() - start
    start = perf_counter()
    properties = getattr(settlement, "properties", None)
    known = properties(**limits) if callable(properties) else None
    return ComparedMechanism(
        name,
        settlement=settlement,
        properties=known,
        seconds=seconds,
        properties_seconds=None if known is None else perf_counter() - start,
    )


def _applied(market: ClearableMarket, name: str, rule: Settling) -> Settlement:
    if isinstance(rule, Settlement):
        return rule
    mechanism = MECHANISMS[rule] if isinstance(rule, str) else rule
    if isinstance(rule, str) and not MECHANISMS[rule].takes(type(market)):
        MECHANISMS[rule].check(market)
    settlement = mechanism(market)
    if not isinstance(settlement, Settlement):
        raise GameError(f"{name} must return a Settlement, got {described(settlement)}")
    return settlement
