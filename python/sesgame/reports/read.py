"""A result as ``result.json`` keeps it, read back so that anybody can check it."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import AllocationError, GameError
from sesgame.files.json_text import plain
from sesgame.game.allocation import Allocation, Evidence

if TYPE_CHECKING:
    from sesgame.game.game import Game

__all__ = ["read_result"]


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
        The file cannot be read, or is not a result.
    AllocationError
        It is about other players, or costs where the game has gains.

    Notes
    -----
    Nothing in the file is believed: :func:`sesgame.audit` and ``verify`` compare it with the game.
    What a certificate counts as equal is its `tolerance`, which is in the file, too.

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
    try:
        rules = json.loads(Path(path).read_text(encoding="utf-8"))["rules"]
        kept = {str(rule): dict(content["allocation"]) for rule, content in rules.items()}
        return {rule: _allocation(rule, content, game) for rule, content in kept.items()}
    except OSError as error:
        raise GameError(f"{path} cannot be read: {error.strerror or error}") from error
    except AllocationError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GameError(f"{path} is not the result.json of this version: {error!r}") from error


def _allocation(rule: str, kept: dict[str, Any], game: Game) -> Allocation:
    """Return an allocation as it was kept, with its certificate."""
    values, kind = kept["values"], kept["kind"]
    names = {str(player) for player in game.players}
    if values.keys() != names or kind != game.kind:
        other = ", ".join(sorted(values.keys() ^ names)) or f"{kind}s"
        raise AllocationError(f'"{rule}" is no allocation of this {game.kind} game: {other}')
    shares = np.array([float(values[str(player)]) for player in game.players])
    labels = {json.dumps(plain(player)): player for player in game.players}
    # It has to prove the shares that are there, whatever it says of others.
    evidence = Evidence.from_dict({**(kept["evidence"] or {}), "values": shares.tolist()}, labels)
    return Allocation(
        game.players, shares, kind, kept["method"], float(kept["tolerance"]), evidence
    )
