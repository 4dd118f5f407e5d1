"""A solved game as people read it: a table with plain words, a page for all, a letter to each."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame._engine import __version__
from sesgame.bills import rounded_bills
from sesgame.catalogue import Case
from sesgame.energy.clustering import ClusteredEvidence
from sesgame.errors import AllocationError, GameError
from sesgame.files.output_folder import OutputFolder
from sesgame.formatting import count
from sesgame.game.allocation import Allocation
from sesgame.reports.html.letter import letter_names, letter_page
from sesgame.reports.html.report_page import report_page
from sesgame.reports.result_files import allocation_csv, bills_csv, result_json, source_of
from sesgame.shapley.sampled import SampledShapley
from sesgame.stability.audit import audit
from sesgame.stability.kernel import maximal_surpluses
from sesgame.stability.search_evidence import GeneratedEvidence

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from sesgame.energy.community import Community, Model
    from sesgame.energy.schedule import Schedule
    from sesgame.game.game import Game
    from sesgame.stability.audit import Audit
    from sesgame.stability.separation_oracle import SeparationOracle
    from sesgame.stability.verification import Verification

__all__ = ["FILE_NAMES", "LETTERS", "PAGE", "Report", "report", "title_of"]

FILE_NAMES = ("allocation.csv", "bills.csv", "result.json")
PAGE = "report.html"
LETTERS = "letters"
"""The folder of the letters."""
DISPATCH_TOLERANCE = 1e-6
"""Of the largest amount: by how much a dispatch may cost more or less than the game says."""


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """Allocations of one game, audited and billed; :func:`report` makes one.

    Parameters
    ----------
    name : str
        What was solved: a community or a file.
    case : Case
        The game, and the community, the model and the limits behind it.
    allocations, audits : mapping of str
        One of each for each rule, by its name.
    unit : str
        The currency, or nothing.
    source : dict
        What the game was made from: files with their digests, period, model.
    options : dict
        What was asked for.
    command : sequence of str
        The command that makes the same again, if there is one.

    Attributes
    ----------
    alone : list of float
        What each player bears, or gets, alone.
    together : float
        What there is to split.
    bills : dict of str to tuple of Decimal
        The shares to the cent, of each rule that splits exactly that.
    """

    name: str
    case: Case
    allocations: Mapping[str, Allocation]
    audits: Mapping[str, Audit]
    unit: str
    source: dict[str, Any]
    options: dict[str, Any]
    command: Sequence[str] = ()
    alone: list[float] = field(init=False)
    together: float = field(init=False)
    bills: dict[str, tuple[Decimal, ...]] = field(init=False)

    def __post_init__(self) -> None:
        n = self.game.n_players
        rows = np.concatenate([np.eye(n, dtype=np.bool_), np.ones((1, n), dtype=np.bool_)])
        *alone, together = self.game.values(rows, progress=False).tolist()
        object.__setattr__(self, "alone", alone)
        object.__setattr__(self, "together", together)
        bills = {}
        for rule, allocation in self.allocations.items():
            # A rule that does not split exactly what there is to split gives no bills.
            with suppress(AllocationError):
                bills[rule] = rounded_bills(allocation.values, together)
        object.__setattr__(self, "bills", bills)

    @property
    def game(self) -> Game:
        """The game."""
        return self.case.game

    @property
    def versions(self) -> dict[str, str]:
        """What computed this."""
        python, numpy = platform.python_version(), np.__version__
        return {"sesgame": __version__, "Python": python, "NumPy": numpy}

    @cached_property
    def schedule(self) -> Schedule:
        """The dispatch of the community.

        Raises
        ------
        GameError
            There is no community, or its dispatch does not cost what there is to split.
        """
        community = self.case.community
        if community is None:
            raise GameError("there is no community, so there is no dispatch")
        schedule = community.dispatch(model=self.case.model)
        size = max(abs(self.together), *map(abs, self.alone))
        if abs(schedule.cost - self.together) > DISPATCH_TOLERANCE * size:
            raise GameError(
                f"the dispatch of {community!r} costs {schedule.cost:g}, but the game splits "
                f"{self.together:g}; give the community of the same period, and the same model"
            )
        return schedule

    @cached_property
    def verifications(self) -> dict[str, Verification]:
        """What code that shares nothing with the solvers finds in the certificates, by rule."""
        certificates: dict[str, Any] = {
            rule: allocation.evidence
            for rule, allocation in self.allocations.items()
            if hasattr(allocation.evidence, "verify")
        }
        return {rule: evidence.verify(self.game) for rule, evidence in certificates.items()}

    @cached_property
    def without_each(self) -> NDArray[np.float64]:
        """What there would be to split without each player."""
        others = ~np.eye(self.game.n_players, dtype=np.bool_)
        return self.game.values(others, progress=False)

    def objections(self, rule: str) -> NDArray[np.float64] | None:
        """Return what the worst group with each player would gain by leaving.

        None where the coalitions are too many to be listed.
        """
        if not self.game.tabulated:
            return None
        if rule not in self._objections:
            surpluses = maximal_surpluses(self.game, self.allocations[rule], progress=False)
            self._objections[rule] = surpluses.max(axis=1)
        return self._objections[rule]

    @cached_property
    def _objections(self) -> dict[str, NDArray[np.float64]]:
        """Those known so far."""
        return {}

    def surplus(self, rule: str) -> NDArray[np.float64]:
        """Return by how much each player is better off than alone."""
        better: NDArray[np.float64] = self.game.sign * (
            self.allocations[rule].values - np.array(self.alone)
        )
        return better

    def text(self) -> str:
        """Return the table and, for each rule, what holds of it in plain words."""
        lines = [title_of(self.name, self.case), "", *_aligned(self._table())]
        for rule, audited in self.audits.items():
            sentences = [*audited.sentences(self.unit), *self.provisos(rule)]
            lines += ["", rule, *(f"  {sentence}" for sentence in sentences)]
            if rule not in self.bills:
                lines.append("  No bills: this rule does not split exactly what there is to split.")
        return "\n".join(lines)

    __repr__ = text

    def provisos(self, rule: str) -> list[str]:
        """Return in sentences how far the shares are from what the rule means."""
        allocation = self.allocations[rule]

        def amount(value: float) -> str:
            return f"{value:,.2f} {self.unit}" if self.unit else f"{value:.6g}"

        match allocation.evidence:
            case SampledShapley() as sampled if sampled.half_widths.any():
                widest = float(np.max(sampled.half_widths))
                return [
                    f"Estimated from {sampled.evaluations:,} coalitions: at "
                    f"{sampled.confidence:.0%} confidence each share is within {amount(widest)} "
                    f"of the exact one; smaller differences count as none."
                ]
            case GeneratedEvidence(proved=False) as generated:
                return [
                    f"Not proved to be the {allocation.method.split(' (')[0]}: {generated.reason}. "
                    f"The least that the worst group can gain is between "
                    f"{amount(generated.lower_bound)} and {amount(generated.upper_bound)}."
                ]
            case ClusteredEvidence(clusters=clusters):
                return [f"The members are in {count(len(clusters), 'cluster')} of like profiles."]
        return []

    def _table(self) -> list[list[str]]:
        """Return header, one row for each player, and the totals."""
        word = "saving" if self.game.kind == "cost" else "surplus"
        header = ["member", "alone"]
        columns = [self.alone]
        for rule, allocation in self.allocations.items():
            header += [rule, word]
            columns += [list(allocation.values), list(self.surplus(rule))]
        rows = [list(row) for row in zip(*columns, strict=True)]
        rows.append([math.fsum(column) for column in columns])
        labels = [*(str(player) for player in self.game.players), "total"]
        return [
            header,
            *(
                [label, *(_figure(value, self.unit) for value in row)]
                for label, row in zip(labels, rows, strict=True)
            ),
        ]

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
            What was written.

        Raises
        ------
        SesgameError
            A file cannot be written.
        """
        if not isinstance(folder, OutputFolder):
            folder = OutputFolder(Path(folder), [*FILE_NAMES, *([PAGE] if page else [])])
        contents = (allocation_csv(self), bills_csv(self), result_json(self))
        files = dict(zip(FILE_NAMES, contents, strict=True))
        if page:
            files[PAGE] = self.to_html()
        pages = {}
        if letters:
            players = self.game.players
            texts = (self.letter(player) for player in players)
            pages = dict(zip(letter_names(players), texts, strict=True))
        written = [folder.write(name, text) for name, text in files.items()]
        if letters:
            inside = OutputFolder(folder.path / LETTERS, ())
            written += [inside.write(name, text) for name, text in pages.items()]
        return written


def report(
    game: Game,
    allocations: Allocation | Iterable[Allocation] | Mapping[str, Allocation],
    *,
    community: Community | None = None,
    model: Model | None = None,
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
        One for each rule. Without names, each is called by its method.
    community : Community, optional
        Whose dispatch the costs are, in the period that counts (:meth:`Community.period
        <sesgame.energy.Community.period>`): the page then shows it.
    model : {"battery", "netting", "linear"}, optional
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
    named = _by_name(allocations)
    if community is not None:
        if tuple(game.players) != community.members:
            raise GameError(f"the community {community!r} does not have the players of {game!r}")
        model, unit = community.chosen_model(model), community.currency
    case = Case(game, community, model, max_seconds=max_seconds)
    oracle = oracle or case.oracle
    audits = {
        rule: audit(
            game,
            allocation,
            oracle=oracle,
            max_seconds=max_seconds if oracle else None,
            progress=progress,
        )
        for rule, allocation in named.items()
    }
    return Report(
        name=name or (community.name if community else "game"),
        case=case,
        allocations=named,
        audits=audits,
        unit=unit,
        source=source_of(case, [Path(file) for file in files]),
        options={"rules": list(named)},
    )


def _by_name(
    allocations: Allocation | Iterable[Allocation] | Mapping[str, Allocation],
) -> dict[str, Allocation]:
    if isinstance(allocations, Allocation):
        allocations = [allocations]
    if isinstance(allocations, Mapping):
        named = {str(rule): allocation for rule, allocation in allocations.items()}
    else:
        named = {}
        for allocation in allocations:
            if allocation.method in named:
                raise AllocationError(
                    f'two allocations are called "{allocation.method}"; give a mapping with a name '
                    f"for each"
                )
            named[allocation.method] = allocation
    if not named:
        raise AllocationError("there is no allocation to report")
    return named


def _figure(value: float, unit: str) -> str:
    """Return an amount without its unit; what rounds to nothing has no sign."""
    return f"{round(value, 2) + 0.0:,.2f}" if unit else f"{value + 0.0:,.6g}"


def title_of(name: str, case: Case) -> str:
    """Return in words what is split."""
    game, community = case.game, case.community
    if community is None:
        return f"{name}: a {game.kind} game of {count(game.n_players, 'player')}"
    steps = community.steps
    batteries = {
        "battery": f"{count(len(community.batteries), 'battery')}, pooled",
        "netting": "netting",
        "linear": f"{count(len(community.batteries), 'battery')}, by linear programme",
    }[community.chosen_model(case.model)]
    return (
        f"{name}, {steps.time(0)} to {steps.time(steps.n_steps)}\n"
        f"{count(game.n_players, 'member')}, {steps.in_words}, "
        f"{batteries}; amounts in {community.currency}, negative ones are received"
    )


def _aligned(rows: list[list[str]]) -> list[str]:
    """Return a table with the first column to the left and numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
