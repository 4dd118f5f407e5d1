"""Human-readable reports: text, an HTML page, one letter for each member, and files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from sesgame.comparison import compared
from sesgame.errors import AllocationError, GameError
from sesgame.files.output_folder import OutputFolder
from sesgame.formatting import named as described
from sesgame.game.allocation import Allocation, SupportsAllocation
from sesgame.game.door import checked_arguments
from sesgame.game.given_allocation import allocation_of, as_allocation
from sesgame.reports.content import ReportContent
from sesgame.reports.html.letter import letter_names, letter_page
from sesgame.reports.html.report_page import report_page
from sesgame.reports.result_files import allocation_csv, bills_csv, result_json, source_of
from sesgame.rule import AllocationProblem

if TYPE_CHECKING:
    from collections.abc import Hashable

    from sesgame.comparison import ComparedRule
    from sesgame.game.game import Game
    from sesgame.game.separation import SeparationOracle
    from sesgame.game.world import World

__all__ = ["FILE_NAMES", "LETTERS", "PAGE", "Report", "build_report", "report"]

Arranged: TypeAlias = Allocation | SupportsAllocation
"""An allocation, or what knows the bills of an arrangement."""

FILE_NAMES = ("allocation.csv", "bills.csv", "result.json")
PAGE = "report.html"
LETTERS = "letters"
"""The folder of the letters."""


@dataclass(frozen=True, eq=False, repr=False)
class Report(ReportContent):
    """Allocations of one game, audited and billed; :func:`report` makes one."""

    def to_html(self) -> str:
        """Return the report as a page that stands alone; ``docs/how-to/report.md`` shows it.

        Raises
        ------
        GameError
            As in :attr:`schedule`, if there is a community.

        Notes
        -----
        The same input and versions give the same text: no time of making is in it.
        """
        return report_page(self)

    def letter(self, player: Hashable, rule: str | None = None) -> str:
        """Return the letter to one player, a page of its own.

        Parameters
        ----------
        player : hashable
            To whom.
        rule : str, optional
            Whose bills; by default the first that gives some.

        Raises
        ------
        AllocationError
            The rule gives no bills.
        CoalitionError
            There is no such player.
        """
        return letter_page(self, player, rule)

    def write(
        self,
        folder: str | PathLike[str] | OutputFolder,
        *,
        page: bool = True,
        letters: bool = False,
    ) -> list[Path]:
        """Write ``allocation.csv``, ``bills.csv`` and ``result.json``, and pages.

        Parameters
        ----------
        folder : path
            Made if it is not there.
        page : bool, default True
            Also write ``report.html``.
        letters : bool, default False
            Also write a letter to each player, ``letters/NAME.html``.

        Returns
        -------
        list of Path
            The results. ``SESGAME-SHA256SUMS`` beside them lists them.

        Raises
        ------
        SesgameError
            A file cannot be written, or would overwrite one of the inputs.

        Notes
        -----
        The set of results is replaced as a whole or not at all. What an earlier set has left, such
        as letters to members who are no longer there, goes; other files stay.
        """
        if not isinstance(folder, OutputFolder):
            folder = OutputFolder(Path(folder), [*FILE_NAMES, *([PAGE] if page else [])])
        folder.spare(self.files)
        return folder.write(self.contents(page=page, letters=letters))

    def contents(self, *, page: bool = True, letters: bool = False) -> dict[str, str]:
        """Return the text of each file that :meth:`write` writes, by its name in the folder."""
        contents = (allocation_csv(self), bills_csv(self), self.to_json())
        files = dict(zip(FILE_NAMES, contents, strict=True))
        if page:
            files[PAGE] = self.to_html()
        if letters:
            players = self.game.players
            for name, player in zip(letter_names(players), players, strict=True):
                files[f"{LETTERS}/{name}"] = self.letter(player)
        return files

    def to_json(self) -> str:
        """Return what ``result.json`` has: all that is needed to check the result again.

        Raises
        ------
        GameError
            Two players have the same text, such as 1 and ``"1"``.
        """
        return result_json(self)


def build_report(
    problem: AllocationProblem,
    rules: Mapping[str, str | Allocation],
    *,
    name: str,
    unit: str = "",
    files: Iterable[Path] = (),
    options: Mapping[str, Any] | None = None,
    command: Sequence[str] = (),
    progress: bool = True,
    done: Callable[[ComparedRule], None] | None = None,
) -> Report:
    """Apply rules to a problem, audit and bill what they allocate.

    Parameters
    ----------
    problem : AllocationProblem
        What is split.
    rules : mapping of str to str or Allocation
        Names of rules, and allocations, by their names in the report.
    name : str
        Heading.
    unit : str, optional
        The currency, where the problem has none.
    files : iterable of Path, optional
        What the game was made from.
    options : mapping, optional
        What was asked for.
    command : sequence of str, optional
        That makes the same again.
    progress : bool, default True
        Show progress where standard error is a terminal.
    done : callable, optional
        What is told of each rule when it is applied.

    Raises
    ------
    SesgameError
        A rule or an audit fails, or a file cannot be read.
    """
    files = tuple(files)
    source = source_of(problem, files)
    comparison = compared(problem, rules, progress=progress, strict=True, done=done)
    return Report(
        name=name,
        problem=problem,
        comparison=comparison if problem.world else replace(comparison, unit=unit),
        source=source,
        files=files,
        options={"rules": list(rules)} if options is None else dict(options),
        command=command,
    )


@checked_arguments
def report(
    game: Game,
    allocations: Arranged | Iterable[Arranged] | Mapping[str, Arranged],
    *,
    community: World | None = None,
    model: str | None = None,
    name: str | None = None,
    unit: str = "",
    files: Iterable[str | PathLike[str]] = (),
    oracle: SeparationOracle | None = None,
    max_seconds: float = 300.0,
    progress: bool = True,
) -> Report:
    r"""Audit and bill allocations of one game, for people to read.

    Parameters
    ----------
    game : Game
        What is split.
    allocations : Allocation, iterable of them, or mapping of name to Allocation
        One for each rule. Without names, each is called by its method. What has an
        ``allocation()``, such as a storage cloud, stands for that.
    community : Community or another world, optional
        Whose dispatch the costs are, in the period that counts (:meth:`Community.period
        <sesgame.energy.Community.period>`): the page then shows it.
    model : {"battery", "netting", "merged", "linear"}, optional
        That of the game; by default the community's own.
    name : str, optional
        Heading of the page; by default the community's.
    unit : str, optional
        The currency of the game, such as ``"EUR"``; that of the community, if there is one.
    files : iterable of path, optional
        What the game was made from. The page has their SHA-256.
    oracle, max_seconds, progress
        As in :func:`sesgame.audit`. For a community of too many members to list its coalitions,
        the oracle is by default its own.

    Returns
    -------
    Report
        With ``to_html()``, ``letter(player)``, ``text()`` and ``write(folder)``.

    Raises
    ------
    AllocationError
        There is no allocation, two have one name, or one does not fit; see
        :func:`sesgame.audit`.
    GameError
        The community has other members than the game, or a file cannot be read.
    PlayerLimitError
        More than 30 players, and no oracle.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_dict({("ann",): 40, ("bob",): 30, ("ann", "bob"): 50}, kind="cost")
    >>> result = sg.report(game, sg.shapley_value(game), name="neighbours", unit="EUR")
    >>> print(result.text().split("\n\nS")[0])
    neighbours: a cost game of 2 players
    <BLANKLINE>
    member  alone  Shapley value  saving
    ann     40.00          30.00   10.00
    bob     30.00          20.00   10.00
    total   70.00          50.00   20.00
    >>> result.to_html().startswith("<!DOCTYPE html>")
    True
    """
    named: dict[str, str | Allocation] = {}
    for rule, each in _by_name(allocations).items():
        named[rule] = as_allocation(game, each)
    if isinstance(files, (str, bytes)) or not isinstance(files, Iterable):
        raise GameError(f"files must be a list of paths, got {described(files)}")
    paths = list(files)
    for path in paths:
        if not isinstance(path, (str, PathLike)):
            raise GameError(f"files must be a list of paths, got {described(path)}")
    if community is not None:
        if tuple(game.players) != community.members:
            raise GameError(f"the community {community!r} does not have the players of {game!r}")
        model = community.chosen_model(model)
    problem = AllocationProblem(game, community, model, max_seconds, oracle)
    return build_report(
        problem,
        named,
        name=name or (community.name if community else "game"),
        unit=unit,
        files=[Path(path) for path in paths],
        progress=progress,
    )


def _by_name(
    allocations: Arranged | Iterable[Arranged] | Mapping[str, Arranged],
) -> dict[str, Allocation]:
    if isinstance(allocations, (Allocation, SupportsAllocation)):
        allocations = [allocations]
    if isinstance(allocations, (str, bytes)) or not isinstance(allocations, Iterable):
        raise GameError(f"allocations must be allocations, got {described(allocations)}")
    if isinstance(allocations, Mapping):
        named = {str(rule): _asked(each) for rule, each in allocations.items()}
    else:
        named = {}
        for allocation in map(_asked, allocations):
            if allocation.method in named:
                raise AllocationError(
                    f'two allocations are called "{allocation.method}"; give a mapping with a name '
                    f"for each"
                )
            named[allocation.method] = allocation
    if not named:
        raise AllocationError("no allocation to report")
    return named


def _asked(arranged: Arranged) -> Allocation:
    """Return the allocation of what has one."""
    if isinstance(arranged, SupportsAllocation):
        return allocation_of(arranged)
    if not isinstance(arranged, Allocation):
        raise GameError(f"allocations must be allocations, got {described(arranged)}")
    return arranged
