"""All rules, in the order in which people see them: a new rule is one more line here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sesgame.bargaining.core_nash_bargaining import NASH_IN_CORE
from sesgame.bargaining.equal_surplus import EQUAL_NON_SEPARABLE, EQUAL_SURPLUS
from sesgame.bargaining.gately import GATELY_POINT
from sesgame.bargaining.nash_bargaining import NASH_BARGAINING
from sesgame.bargaining.nested_nash import NESTED_NASH
from sesgame.bargaining.proportional import PROPORTIONAL
from sesgame.bargaining.tau import TAU_VALUE
from sesgame.energy.agents.agents_rule import AGENTS
from sesgame.energy.bargaining import BARGAINED_DISPATCH
from sesgame.energy.clustering import CLUSTERED_NUCLEOLUS
from sesgame.energy.local_sharing.bill_sharing import BILL_SHARING
from sesgame.energy.local_sharing.mid_market_rate import MID_MARKET_RATE
from sesgame.energy.local_sharing.supply_demand_ratio import SUPPLY_DEMAND_RATIO
from sesgame.energy.local_sharing.uniform_local_price import UNIFORM_LOCAL_PRICE
from sesgame.energy.operator.leader_prices_by_step import LEADER_PRICE
from sesgame.energy.operator.storage_cloud_rule import STORAGE_CLOUD
from sesgame.energy.owen_allocation import DUAL_PRICES
from sesgame.energy.sharing_keys.shared_generation import SHARING_KEY
from sesgame.energy.two_period import TWO_PERIOD_PRICES
from sesgame.errors import GameError, PlayerLimitError
from sesgame.game.allocation import Allocation
from sesgame.markets.mechanisms.vcg_of_game import VCG
from sesgame.rule import AllocationProblem, ByName, Need, Option, Rule
from sesgame.shapley.exact import BANZHAF, NORMALISED_BANZHAF, SEMIVALUE, SHAPLEY
from sesgame.shapley.sampled import BANZHAF_ESTIMATE, SEMIVALUE_ESTIMATE, SHAPLEY_ESTIMATE
from sesgame.shapley.unions import NESTED_SHAPLEY, NESTED_SHAPLEY_ESTIMATE, OWEN, OWEN_ESTIMATE
from sesgame.stability.core import LEAST_CORE
from sesgame.stability.core_points import LEXIMIN_CORE, nearest_to
from sesgame.stability.nucleolus import (
    NUCLEOLUS,
    PER_CAPITA_NUCLEOLUS,
    PER_CAPITA_PRENUCLEOLUS,
    PRENUCLEOLUS,
)
from sesgame.stability.per_capita_least_core import PER_CAPITA_LEAST_CORE

__all__ = [
    "RULES",
    "Catalogue",
    "allocate",
    "check_options",
    "comparable_rules",
    "default_rules",
    "explanation",
]


class Catalogue(ByName[Rule]):
    """Rules by name, and the options of all of them.

    Parameters
    ----------
    rules : iterable of Rule
        No two with one name, or with two options of one name.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        super().__init__(rules)
        self.options: dict[str, Option[Any]] = {}
        for rule in self.values():
            for option in rule.options:
                if self.options.setdefault(option.name, option) is not option:
                    raise ValueError(f'two options of rules are called "{option.name}"')


RULES = Catalogue(
    [
        SHAPLEY,
        SHAPLEY_ESTIMATE,
        NUCLEOLUS,
        PRENUCLEOLUS,
        PER_CAPITA_NUCLEOLUS,
        PER_CAPITA_PRENUCLEOLUS,
        LEAST_CORE,
        PER_CAPITA_LEAST_CORE,
        nearest_to(SHAPLEY),
        LEXIMIN_CORE,
        NASH_BARGAINING,
        NASH_IN_CORE,
        EQUAL_SURPLUS,
        EQUAL_NON_SEPARABLE,
        GATELY_POINT,
        TAU_VALUE,
        PROPORTIONAL,
        BANZHAF,
        NORMALISED_BANZHAF,
        SEMIVALUE,
        OWEN,
        NESTED_SHAPLEY,
        NESTED_NASH,
        VCG,
        BANZHAF_ESTIMATE,
        SEMIVALUE_ESTIMATE,
        OWEN_ESTIMATE,
        NESTED_SHAPLEY_ESTIMATE,
        DUAL_PRICES,
        TWO_PERIOD_PRICES,
        CLUSTERED_NUCLEOLUS,
        BARGAINED_DISPATCH,
        MID_MARKET_RATE,
        SUPPLY_DEMAND_RATIO,
        BILL_SHARING,
        UNIFORM_LOCAL_PRICE,
        SHARING_KEY,
        STORAGE_CLOUD,
        LEADER_PRICE,
        AGENTS,
    ]
)
"""What ``--rules`` may name."""

USUAL = (SHAPLEY, NUCLEOLUS)
"""What a world is split by, where nobody asks for a rule."""

ONE_LINE = (EQUAL_SURPLUS, EQUAL_NON_SEPARABLE, GATELY_POINT, PROPORTIONAL)
"""Of at most 2n + 1 values; Nash bargaining without weights is the first of them."""

USUAL_OF_MANY = (DUAL_PRICES, TWO_PERIOD_PRICES, SHAPLEY_ESTIMATE)
"""The same where coalitions are too many to be listed: those that apply."""

WHEN_ASKED = (
    BARGAINED_DISPATCH,
    MID_MARKET_RATE,
    SUPPLY_DEMAND_RATIO,
    BILL_SHARING,
    UNIFORM_LOCAL_PRICE,
    SHARING_KEY,
    STORAGE_CLOUD,
    LEADER_PRICE,
    AGENTS,
)
"""Not in every comparison: what makes an arrangement of its own, by programs of all members, and
what a contract prescribes."""

USUAL_OF_A_GAME = (NUCLEOLUS,)
"""The same for a game that nobody has made."""


def allocate(problem: AllocationProblem, name: str) -> Allocation:
    """Return the allocation by one of :data:`RULES`.

    Raises
    ------
    GameError
        The rule is for what has made another game, or lacks an option.
    PlayerLimitError
        The rule needs the table of all coalitions, or a separation oracle, and there are too many.
    """
    RULES.check([name])
    rule = RULES[name]
    obstacle = rule.obstacle(problem, name)
    if obstacle is None:
        return rule(problem)
    if isinstance(obstacle, PlayerLimitError):
        others = [other.name for other in RULES.values() if other.obstacle(problem) is None]
        raise PlayerLimitError(
            f"{obstacle}; for so many, choose from {', '.join(others)}",
            obstacle.n_players,
            obstacle.limit,
        )
    raise obstacle


def explanation(allocation: Allocation) -> str | None:
    """Return in a sentence or two what the rule is that made an allocation, if one did."""
    if allocation.rule is None or allocation.rule not in RULES:
        return None
    return RULES[allocation.rule].explained(allocation)


def check_options(problem: AllocationProblem, names: Iterable[str]) -> None:
    """Refuse options that no rule takes, or none of those that are applied.

    What has a usual value, such as a seed, may be given all the same.

    Raises
    ------
    GameError
        The option is named, with the rules that take it.
    """
    known = {option.keyword: option for option in RULES.options.values()}
    taken = {option.keyword for name in names for option in RULES[name].options}
    for keyword, value in problem.options.items():
        if keyword not in known:
            raise GameError(f"unknown rule option {keyword}; choose from {', '.join(known)}")
        option = known[keyword]
        if value is not None and option.default is None and keyword not in taken:
            takers = [rule.name for rule in RULES.values() if option in rule.options]
            raise GameError(
                f"none of the rules takes the option {option.name}, which is for "
                f"{', '.join(takers)}"
            )


def default_rules(problem: AllocationProblem) -> list[str]:
    """Return the rules where none is asked for."""
    if problem.world is None:
        return [rule.name for rule in USUAL_OF_A_GAME]
    return _applicable(problem, USUAL if problem.has_table else USUAL_OF_MANY)


def comparable_rules(problem: AllocationProblem) -> list[str]:
    """Return the rules worth a line in a comparison."""
    if problem.has_table:
        usual = [rule for rule in RULES.values() if rule not in WHEN_ASKED]
        return _applicable(problem, [rule for rule in usual if Need.SAMPLE not in rule.needs])
    return _applicable(problem, [*USUAL_OF_MANY, LEAST_CORE, VCG, *ONE_LINE])


def _applicable(problem: AllocationProblem, rules: Iterable[Rule]) -> list[str]:
    return [rule.name for rule in rules if rule.obstacle(problem) is None]
