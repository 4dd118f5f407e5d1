"""A result as ``result.json`` keeps it, read back so that anybody can check it."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.bills import rounded_bills
from sesgame.catalogue import RULES
from sesgame.errors import AllocationError, GameError
from sesgame.files.json_text import parsed, plain, restored
from sesgame.files.text_file import read_text
from sesgame.game.allocation import Allocation, Evidence, texts
from sesgame.game.door import checked_arguments
from sesgame.game.precision import equal_amounts, rounding_of_excesses
from sesgame.reports.result_files import FORMAT, SavedGame, SavedResult, names_certified_rule
from sesgame.stability.audit import contradictions

if TYPE_CHECKING:
    from sesgame.game.game import Game
    from sesgame.reports.result_files import SavedAllocation, SavedRule

__all__ = ["read_result", "result_of"]


@checked_arguments
def read_result(path: str | PathLike[str], game: Game) -> dict[str, Allocation]:
    """Return the shares under each rule of a ``result.json``, with certificates to verify.

    Parameters
    ----------
    path : path
        What ``sesgame allocate``, ``sesgame solve`` or :meth:`sesgame.Report.write` has written.
    game : Game
        The game it is about, made anew from what whoever checks it trusts.

    Returns
    -------
    dict of str to Allocation
        By rule. The evidence is the certificate of the shares in the file, if the rule has one;
        its ``verify(game)`` says whether it holds. Other evidence is not read back.

    Raises
    ------
    GameError
        The file cannot be read, has another format, or is not a result: the path in it is named,
        such as ``rules.nucleolus.allocation.evidence.stages[0].excess``. Or something in it is not
        so: rule, method and evidence do not agree, or a total, a bill or an audit is not that of
        the shares.
    AllocationError
        It is about other players, or costs where the game has gains.

    Notes
    -----
    Nothing in the file is believed, and no number of it is a tolerance. The value of each player
    alone and of all together, totals, bills and audits are compared with the game; of an audit, who
    has the largest excess only where the game is tabulated. ``verify`` checks the shares: its claim
    is what is proved. The name of a rule without a certificate is a name, no more. `options`,
    `source` and `sesgame` say who made the file of what; they are not read. ``tolerance`` of what
    is returned follows from the game.

    Examples
    --------
    >>> import tempfile
    >>> import sesgame as sg
    >>> game = sg.Game.from_dict({("ann",): 40, ("bob",): 30, ("ann", "bob"): 50}, kind="cost")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = sg.report(game, {"fair": sg.nucleolus(game)}).write(folder, page=False)
    ...     fair = sg.read_result(files[-1], game)["fair"]
    >>> fair.values.tolist(), fair.evidence.verify(game).holds
    ([30.0, 20.0], True)
    """
    return result_of(parsed(read_text(Path(path)), str(path)), game, str(path))


def result_of(content: Any, game: Game, path: str = "the result") -> dict[str, Allocation]:
    """Return the shares under each rule of what a ``result.json`` has; see :func:`read_result`."""
    found = content.get("format") if isinstance(content, dict) else None
    if type(found) is not int or found != FORMAT:
        is_short = found is None or isinstance(found, (str, int, float))
        shown = str(found)[:60] if is_short else type(found).__name__
        raise GameError(
            f"{path} has the format {shown}; this version reads results of format "
            f"{FORMAT}, so make the result again"
        )
    labels = {json.dumps(plain(player)): player for player in game.players}
    equal = equal_amounts(game)
    # Of another game nothing else can be understood.
    if "game" in content:
        _check_game(restored(SavedGame, content["game"], labels, "game"), game, equal)
    saved: SavedResult = restored(SavedResult, content, labels, "")
    return {
        label: _allocation(label, rule, game, labels, equal) for label, rule in saved.rules.items()
    }


def _check_game(saved: SavedGame, game: Game, equal: float) -> None:
    """Refuse the result of another game."""
    players = texts(game.players)
    if list(saved.players) != players or saved.kind != game.kind:
        other = ", ".join(sorted(set(saved.players) ^ set(players))) or f"{saved.kind}s"
        raise AllocationError(f"game is not this {game.kind} game: {other[:200]}")
    _check_keys("game.alone", saved.alone, players)
    alone = game.values(np.eye(len(players), dtype=np.bool_), progress=False)
    together = game.value(game.players)
    said = {**saved.alone, "": saved.together}
    for (name, value), worth in zip(said.items(), [*alone, together], strict=True):
        if not abs(value - worth) <= equal + rounding_of_excesses(worth, 0.0, 1):
            where = f"game.alone.{name}" if name else "game.together"
            raise GameError(f"{where} is {value!r}, but that is worth {float(worth)!r}")


def _allocation(
    label: str, saved: SavedRule, game: Game, labels: dict[str, Hashable], equal: float
) -> Allocation:
    """Return an allocation as it was kept, with its certificate."""
    path, kept = f"rules.{label}", saved.allocation
    players = texts(game.players)
    if kept.values.keys() != set(players) or kept.kind != game.kind:
        other = ", ".join(sorted(kept.values.keys() ^ set(players))) or f"{kept.kind}s"
        raise AllocationError(f'"{label}" is no allocation of this {game.kind} game: {other[:200]}')
    shares = np.array([kept.values[player] for player in players])
    rounding = float(rounding_of_excesses(0.0, np.abs(shares).sum(), len(players)))
    if not abs(kept.total - shares.sum()) <= rounding:
        raise GameError(f"{path}.allocation.total is {kept.total!r}, not {float(shares.sum())!r}")
    evidence = None
    if kept.evidence is not None:
        where = f"{path}.allocation.evidence"
        evidence = Evidence.from_dict(kept.evidence, shares.tolist(), labels, where)
    _check_rule(f"{path}.allocation", kept, evidence)
    allocation = Allocation(
        game.players, shares, game.kind, kept.method, equal + rounding, evidence
    )
    wrong = contradictions(game, allocation, saved.audit)
    if wrong:
        raise GameError(f"{path}.audit is not that of the shares: {wrong[0]}")
    # What a rule's own arrangement costs is for its evidence to prove.
    arranged = kept.evidence is not None and Evidence.names_arrangement(kept.evidence)
    total = kept.total if arranged else game.value(game.players)
    _check_bills(f"{path}.bills", saved.bills, allocation, total)
    if evidence is not None and kept.rule is not None:
        return RULES[kept.rule].made(allocation)
    return allocation


def _check_rule(path: str, kept: SavedAllocation, evidence: Evidence | None) -> None:
    """Refuse rule, method and evidence that do not agree."""
    if kept.rule is None:
        if names_certified_rule(kept.method):
            raise GameError(
                f"{path}.method is {kept.method[:60]!r}, but no rule is said to have made it"
            )
        return
    if kept.rule not in list(RULES):
        raise GameError(f"{path}.rule is {kept.rule[:60]!r}, which is no rule")
    rule = RULES[kept.rule]
    if evidence is None and rule.is_certified:
        raise GameError(f"{path}.evidence does not prove a {rule.title}: there is no certificate")
    if evidence is not None and not rule.is_proved_by(evidence):
        raise GameError(
            f"{path}.evidence is of another concept: {type(evidence).__name__} with these flags "
            f"does not prove a {rule.title}"
        )
    if rule.is_certified and kept.method != rule.method(evidence):
        raise GameError(
            f"{path}.method is {kept.method[:60]!r}, but the evidence is of "
            f"{rule.method(evidence)!r}"
        )
    if kept.method != rule.title and not kept.method.startswith(f"{rule.title} ("):
        raise GameError(f"{path}.method is {kept.method[:60]!r}, but the rule is {rule.title}")


def _check_bills(
    path: str, bills: Mapping[str, str] | None, allocation: Allocation, total: float
) -> None:
    """Refuse bills that are not the shares to the cent."""
    expected: dict[str, str] | None = None
    # Shares that do not add up are no bills.
    with suppress(AllocationError):
        amounts = rounded_bills(allocation.values, total)
        expected = dict(zip(texts(allocation.players), map(str, amounts), strict=True))
    if bills != expected:
        if bills is None or expected is None:
            said = "there are none" if bills is None else "the shares are not efficient"
            raise GameError(f"{path} is not that of the shares: {said}")
        wrong = [name for name in expected if bills.get(name) != expected[name]] or list(bills)
        raise GameError(f"{path}.{wrong[0]} is not the share to the cent")


def _check_keys(path: str, found: Mapping[str, Any], players: list[str]) -> None:
    if found.keys() != set(players):
        other = ", ".join(sorted(found.keys() ^ set(players)))
        raise GameError(f"{path} is not of the players of the game: {other[:200]}")
