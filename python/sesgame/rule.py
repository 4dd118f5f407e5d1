"""What a rule is: how it is applied, what it needs and promises, and how it is explained.

A rule is declared once, beside the function that computes it, and entered in one line of
:mod:`sesgame.catalogue`. Command line, comparisons, reports, letters and the table of rules in the
documentation read all they say of a rule here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from sesgame.cached import cached_property
from sesgame.errors import GameError, PlayerLimitError, SesgameError
from sesgame.game.by_value import InOrder
from sesgame.game.game import MAX_TABLE_PLAYERS, Game

if TYPE_CHECKING:
    from sesgame.game.allocation import Allocation, Evidence
    from sesgame.game.separation import SeparationOracle
    from sesgame.game.world import World

__all__ = [
    "SEED",
    "AllocationProblem",
    "ByName",
    "Named",
    "Need",
    "Option",
    "Promise",
    "Rule",
]

T = TypeVar("T")


class Named(Protocol):
    """What has a name on the command line: a rule of games, or a mechanism for markets."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def aliases(self) -> tuple[str, ...]:
        """Older names, which are still taken."""
        ...


N = TypeVar("N", bound=Named)


class ByName(Mapping[str, N]):
    """What has a name, in the order in which people see it; older names find it, too.

    Parameters
    ----------
    entries : iterable of Named
        No two with one name.
    """

    def __init__(self, entries: Iterable[N]) -> None:
        self._entries: dict[str, N] = {}
        self._by_any_name: dict[str, N] = {}
        for entry in entries:
            self._entries[entry.name] = entry
            for name in (entry.name, *entry.aliases):
                if self._by_any_name.setdefault(name, entry) is not entry:
                    raise ValueError(f'two rules are called "{name}"')

    def __getitem__(self, name: str) -> N:
        return self._by_any_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._by_any_name

    def check(self, names: Iterable[str], also: tuple[str, ...] = ()) -> None:
        """Refuse names of no rule.

        Raises
        ------
        GameError
            A name is neither that of a rule nor one of `also`.
        """
        for name in names:
            if name not in self and name not in also:
                allowed = ", ".join((*also, *self))
                raise GameError(f'unknown rule "{name}"; choose from {allowed}')


MAX_SECONDS = 300.0
"""For each search for the coalition with the largest excess, unless told otherwise."""


class Need(Enum):
    """What a rule cannot do without."""

    TABLE = "the values of all coalitions"
    SEARCH = "the values of all coalitions, or a separation oracle"
    SAMPLE = "a seed"


class Promise(Enum):
    """What holds of a rule on every game; where members alone have more than all, no bounds do."""

    EFFICIENT = "efficient"
    INDIVIDUALLY_RATIONAL = "individually rational"
    IN_CORE_IF_NONEMPTY = "in the core if it is not empty"
    UNIQUE = "unique"
    ADDITIVE = "additive"
    SYMMETRIC = "symmetric"
    DUMMY = "dummy players get what they have alone"
    CERTIFIED = "with a certificate"


@dataclass(frozen=True, kw_only=True)
class Option(Generic[T]):
    """What a rule takes beside the game.

    Parameters
    ----------
    name : str
        On the command line, ``--name``, and in saved results.
    parse : callable
        From text to the value; it raises ValueError.
    help : str
        What it is, for the command line.
    metavar : str
        What stands for the value there.
    default : object, optional
        The value where none is given.
    required : bool, default False
        Whether a rule that takes it cannot do without.
    keyword : str, optional
        In Python, where that is not `name`.
    """

    name: str
    parse: Callable[[str], T]
    help: str
    metavar: str
    default: T | None = None
    required: bool = False
    keyword: str = ""

    def __post_init__(self) -> None:
        if not self.keyword:
            object.__setattr__(self, "keyword", self.name.replace("-", "_"))


def _seed(text: str) -> int:
    """Return a number that random numbers can start from."""
    seed = int(text)
    if not 0 <= seed < 2**64:
        raise ValueError(text)
    return seed


SEED = Option(
    name="seed", parse=_seed, default=0, metavar="SEED", help="seed of the random numbers"
)


@dataclass(frozen=True, eq=False)
class AllocationProblem:
    """What is to be split, whatever the rule.

    Parameters
    ----------
    game : Game
        The game.
    world : World, optional
        What made it: a community, scenarios, ..., in the period that counts.
    model : str, optional
        The model of the world behind the game.
    max_seconds : float, default 300
        For each search for the coalition with the largest excess.
    given_oracle : SeparationOracle, optional
        The separation oracle to ask instead of a table or of the world's own.
    options : mapping of str to object, optional
        Options of rules, by keyword.
    """

    game: Game
    world: World | None = None
    model: Any = None  # each world has models of its own
    max_seconds: float = MAX_SECONDS
    given_oracle: SeparationOracle | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        source: Game | World,
        *,
        model: str | None = None,
        max_seconds: float | None = None,
        oracle: SeparationOracle | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> AllocationProblem:
        """Return the problem of a game, or of a world under one of its models.

        Raises
        ------
        GameError
            A game has no model, the world not that one, or it is neither.
        """
        settings = {
            "max_seconds": MAX_SECONDS if max_seconds is None else max_seconds,
            "given_oracle": oracle,
            "options": options or {},
        }
        if isinstance(source, Game):
            if model is not None:
                raise GameError(f"model={model!r} is for communities; this is a {source!r}")
            return cls(source, **settings)  # type: ignore[arg-type]
        if not hasattr(source, "cost_game"):
            raise GameError(f"{source!r} is no game, and no community or other world")
        chosen = source.chosen_model(model)
        return cls(source.cost_game(model=chosen), source, chosen, **settings)  # type: ignore[arg-type]

    @property
    def has_table(self) -> bool:
        """Whether all coalitions are listed; if not, the worst ones are searched for."""
        return self.given_oracle is None and self.game.n_players <= self.most_listed

    @property
    def most_listed(self) -> int:
        """For how many players all coalitions are listed."""
        if self.world is None:
            return MAX_TABLE_PLAYERS
        return self.world.max_listed_players(self.model)

    @cached_property
    def oracle(self) -> SeparationOracle | None:
        """The separation oracle, where not all coalitions are listed."""
        if self.given_oracle or self.has_table or self.world is None:
            return self.given_oracle
        return self.world.separation_oracle(model=self.model)

    @property
    def local_search(self) -> int:
        """How many coalitions are worth a look before the oracle is asked."""
        return self.world.local_search(self.model) if self.world else 0

    def get(self, option: Option[T]) -> T | None:
        """Return the value of an option, or None where none is given and none is usual."""
        value: T | None = self.options.get(option.keyword)
        return option.default if value is None else value

    def __getitem__(self, option: Option[T]) -> T:
        value = self.get(option)
        if value is None:
            raise GameError(f"{option.keyword} is missing: {option.help}")
        return value


@dataclass(frozen=True, kw_only=True)
class Rule(InOrder):
    """A way to split what a game is about.

    Parameters
    ----------
    name : str
        On the command line, in comparisons and in the columns of files.
    title : str, optional
        In reports, and the `method` of its allocations; by default the name.
    apply : callable
        From a problem to an allocation.
    needs : frozenset of Need
        What it cannot do without.
    promises : frozenset of Promise
        What holds on every game.
    options : tuple of Option
        What it takes beside the game.
    worlds : tuple of type
        What must have made the game; any game if there is none.
    meaning : str
        In a sentence or two what it is, to a member. ``{bears}`` and ``{worth}`` follow the kind of
        the game; the evidence may have more words.
    page : str
        That explains it, of ``docs``.
    sources : tuple of str
        Keys of ``docs/references.bib``.
    aliases : tuple of str
        Older names.
    proved_by : callable, optional
        From evidence to whether it proves, if it holds, that shares are those of this rule; by
        default what is declared in the module of `apply` does.
    """

    name: str
    title: str = ""
    apply: Callable[[AllocationProblem], Allocation]
    needs: frozenset[Need] = frozenset()
    promises: frozenset[Promise] = frozenset()
    options: tuple[Option[Any], ...] = ()
    worlds: tuple[type[Any], ...] = ()
    meaning: str
    page: str
    sources: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    proved_by: Callable[[Any], bool] | None = None

    def __post_init__(self) -> None:
        if not self.title:
            object.__setattr__(self, "title", self.name)

    def __call__(self, problem: AllocationProblem) -> Allocation:
        """Return the allocation of a problem to which nothing is an obstacle."""
        allocation = self.apply(problem)
        return self.made(allocation) if allocation.rule is None else allocation

    def made(self, allocation: Allocation) -> Allocation:
        """Return an allocation as one that this rule has made."""
        own = copy.copy(allocation)
        object.__setattr__(own, "rule", self.name)
        return own

    @property
    def is_certified(self) -> bool:
        """Whether its allocations bring a certificate."""
        return Promise.CERTIFIED in self.promises

    def is_proved_by(self, evidence: Evidence) -> bool:
        """Return whether evidence proves, if it holds, that shares are those of this rule."""
        if self.proved_by is not None:
            return self.proved_by(evidence)
        return type(evidence).__module__ == getattr(self.apply, "__module__", None)

    def method(self, evidence: Evidence | None) -> str:
        """Return what the method of an allocation with such evidence is called."""
        manner = "" if evidence is None else evidence.manner
        return f"{self.title} ({manner})" if manner else self.title

    def explained(self, allocation: Allocation) -> str:
        """Return the meaning, for an allocation that the rule has made."""
        is_cost = allocation.kind == "cost"
        words = {} if allocation.evidence is None else allocation.evidence.words
        return self.meaning.format(
            bears="pays" if is_cost else "gets", worth="cost" if is_cost else "value", **words
        )

    def obstacle(self, problem: AllocationProblem, name: str | None = None) -> SesgameError | None:
        """Return why the rule cannot be applied to a problem, if it cannot.

        Parameters
        ----------
        problem : AllocationProblem
            What is to be split.
        name : str, optional
            What the rule was called.
        """
        the_rule = f'the rule "{name or self.name}"'
        if self.worlds and not isinstance(problem.world, self.worlds):
            if problem.world is None:
                return GameError(
                    f"{the_rule} is for communities and the like; this is a game of its values"
                )
            names = " or ".join(world.__name__ for world in self.worlds)
            return GameError(f"{the_rule} is for {names}; this is {problem.world!r}")
        unlisted = Need.TABLE in self.needs and not problem.has_table
        unsearched = Need.SEARCH in self.needs and not (problem.has_table or problem.oracle)
        if unlisted or unsearched:
            return PlayerLimitError(
                f"{the_rule} looks at every coalition of {problem.game.n_players} members",
                problem.game.n_players,
                problem.most_listed,
            )
        missing = [option for option in self.options if option.required]
        missing = [option for option in missing if problem.get(option) is None]
        if missing:
            return GameError(
                f"{the_rule} needs "
                + " and ".join(f"{option.name}: {option.help}" for option in missing)
            )
        return None
