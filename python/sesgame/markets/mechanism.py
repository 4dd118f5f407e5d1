"""What a mechanism is: the function that settles a market, and what is known of it beforehand.

Each mechanism is one constant in one file of :mod:`sesgame.markets.mechanisms` and one line of
:mod:`sesgame.markets.catalogue`. The command line, the documentation and the tests read them there.
"""

from __future__ import annotations

import copyreg
import dataclasses
from collections.abc import Callable
from enum import Enum
from typing import Any

from sesgame._engine import EngineRule
from sesgame.errors import GameError
from sesgame.game.by_value import InOrder
from sesgame.markets.settlement import Settlement

__all__ = ["FEW_TRIALS", "MarketPromise", "Mechanism", "Trials"]


class MarketPromise(Enum):
    """What holds of a mechanism's outcome in every market that it takes, if reports are true."""

    EFFICIENT = "efficient"
    """No outcome has a larger welfare."""
    VOLUNTARY = "individually rational"
    """Nobody loses by taking part."""
    TRUTHFUL = "incentive compatible"
    """No misreport pays: a theorem, which the verdict of a settlement says as one."""
    TRUTHFUL_FOR_BUYERS = "incentive compatible for buyers"
    """No misreport of a buyer pays, where buyers and sellers are two sides: a theorem."""
    TRUTHFUL_FOR_SELLERS = "incentive compatible for sellers"
    """The same of sellers."""
    BALANCED = "budget balanced"
    """What comes in goes out."""
    NO_DEFICIT = "no deficit"
    """What goes out has come in."""
    IN_CORE = "in the core"
    """No coalition gains by trading on its own."""


@dataclasses.dataclass(frozen=True)
class Trials:
    """How many misreports are affordable.

    Parameters
    ----------
    participants : int
        Whose misreports are tried, at most.
    prices : int
        Factors of the prices of each: where its place among the others changes, near 1, and from 0
        to 2.
    quantities : int
        Factors of the quantities of each, at its true prices: 1/2, 3/4, 7/8 and so on.
    """

    participants: int = 32
    prices: int = 64
    quantities: int = 6

    def at_most(self, other: Trials) -> Trials:
        """Return the smaller number of each."""
        mine, others = dataclasses.astuple(self), dataclasses.astuple(other)
        return Trials(*map(min, mine, others))


FEW_TRIALS = Trials(participants=8, prices=24, quantities=4)
"""Where each misreport takes optimisation problems of its own."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Mechanism(InOrder):
    """A mechanism, from market to settlement; called like the function that it names.

    Parameters
    ----------
    name : str
        The function's name with hyphens, as ``--rules`` takes it.
    title : str
        As tables and ``settlement.method`` show it.
    settle : callable
        From market to settlement: the public function.
    markets : tuple of type
        The kinds of market that it takes.
    promises : frozenset of MarketPromise
        What is proved of it, and what the tests check on drawn markets.
    meaning, gives_up : str
        What it does, and what that costs, each in one phrase of a table.
    engine_rule : EngineRule, optional
        Where the engine scans the misreports of an order book by itself.
    trials : Trials
        How many misreports are affordable; a kind of market may allow fewer.
    is_default : bool
        Whether the command line settles by it unless rules are named.
    aliases : tuple of str
        Former names that the command line still takes.
    page : str
        The page of the documentation that explains it, like ``concepts/vcg``.
    sources : tuple of str
        Keys of ``docs/references.bib``.
    """

    name: str
    title: str
    settle: Callable[[Any], Settlement]
    markets: tuple[type, ...]
    promises: frozenset[MarketPromise]
    meaning: str
    gives_up: str
    engine_rule: EngineRule | None = None
    trials: Trials = Trials()
    is_default: bool = False
    aliases: tuple[str, ...] = ()
    page: str
    sources: tuple[str, ...]

    def __call__(self, market: Any) -> Settlement:
        """Settle a market."""
        return self.settle(market)

    def takes(self, kind: type) -> bool:
        """Return whether a kind of market can be settled by it."""
        return issubclass(kind, self.markets)

    def check(self, market: Any) -> None:
        """Refuse a market of another kind.

        Raises
        ------
        GameError
            Its kind, and those that the mechanism takes, are named.
        """
        if not self.takes(type(market)):
            kinds = " or ".join(kind.__name__ for kind in self.markets)
            raise GameError(f"{self.title} is for {kinds}, got a {type(market).__name__}")

    def __repr__(self) -> str:
        return f"Mechanism({self.name!r})"


def _engine_rule(name: str) -> EngineRule:
    rule: EngineRule = getattr(EngineRule, name)
    return rule


def _named_engine_rule(rule: EngineRule) -> tuple[Callable[[str], EngineRule], tuple[str]]:
    return _engine_rule, (str(rule).rpartition(".")[2],)


# A settlement travels with its mechanism, and enumerations of the engine have no pickle.
copyreg.pickle(EngineRule, _named_engine_rule)
