"""A game from a model in an MPS or LP file (extra ``highspy``)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.adapters.lp_file import read_lp
from sesgame.adapters.membership_columns import checked_columns
from sesgame.adapters.membership_model import game_of_model
from sesgame.adapters.mps_file import read_mps
from sesgame.adapters.named_model import NamedModel
from sesgame.errors import GameError, SolverError
from sesgame.game.players import Players
from sesgame.linear.model import INFINITE, LinearModel
from sesgame.linear.quiet_highs import checked, quiet_highs
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.game import Game

__all__ = ["model_file"]

READERS = {".mps": read_mps, ".lp": read_lp}
"""By the ending of the name; HiGHS goes by it, too."""


def model_file(path: str | Path, membership: Mapping[Hashable, str] | Iterable[str]) -> Game:
    """Return the game of a model in an MPS or LP file, in which members are variables.

    Parameters
    ----------
    path : str or Path
        A file that ends in ``.mps`` or ``.lp``. Its model minimises the cost, or maximises the
        gain, of a coalition.
    membership : mapping of player to name, or iterable of names
        The variable that is 1 if a player is a member and 0 if not, and multiplies what the
        player brings in. Without a mapping the players are called as their variables.

    Returns
    -------
    Game
        A cost game if the model minimises, a gain game if it maximises.

    Raises
    ------
    GameError
        The file cannot be read, or a line of it is refused; there is no such variable, two
        players have the same, or 0 or 1 is not within its bounds; or without members the model is
        infeasible or not worth 0.
    SolverError
        HiGHS refuses to be set up.

    Notes
    -----
    The file is read twice, by a strict reader that knows which sections and bounds there are and
    refuses all others by their line, and by HiGHS; the two have to agree. So nothing that HiGHS
    leaves out or reads in its own way goes unnoticed. See
    :mod:`sesgame.adapters.membership_model`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import sesgame as sg
    >>> text = '''Minimize
    ...  cost: 0.3 buy
    ... Subject To
    ...  need: buy - 5 z_ann + 2 z_bob >= 0
    ... End
    ... '''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "village.lp")
    ...     _ = path.write_text(text)
    ...     game = sg.adapters.model_file(path, {"ann": "z_ann", "bob": "z_bob"})
    >>> game.value(["ann"]), round(game.value(["ann", "bob"]), 9)
    (1.5, 0.9)
    """
    if not isinstance(path, (str, Path)):
        raise GameError(f"a path is needed, not {path!r}")
    path = Path(path)
    named = _read(path)
    linear = named.linear_model()
    _compare(path, named, linear)
    if isinstance(membership, str):
        raise GameError(f"membership is a mapping or a list of names, not the text {membership!r}")
    if not isinstance(membership, Iterable):
        raise GameError(f"membership is a mapping or a list of names, not {membership!r}")
    names: dict[Hashable, str] = (
        dict(membership) if isinstance(membership, Mapping) else {name: name for name in membership}
    )
    players = Players(names)
    number = {name: place for place, name in enumerate(named.columns)}
    for player, name in names.items():
        if name not in number:
            raise GameError(f"{path.name} has no variable {name!r}, the membership of {player!r}")
    columns = [number[names[player]] for player in players]
    return game_of_model(players, linear, checked_columns(players, columns, linear))


def _read(path: Path) -> NamedModel:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise GameError(f"{path.name}: a model file ends in {' or '.join(READERS)}")
    try:
        with path.open(encoding="utf-8") as file:
            return reader(file, path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise GameError(f"{path} cannot be read: {error}") from error


def _compare(path: Path, named: NamedModel, linear: LinearModel) -> None:
    """Refuse a file that HiGHS reads in another way.

    Raises
    ------
    GameError
        HiGHS cannot read the file, or another model; with what differs.
    """
    with needs("highspy", "model files need highspy"):
        highs = quiet_highs()
    try:
        checked(highs, highs.readModel, str(path.resolve()), warning_is_fine=True)
    except SolverError as error:
        raise GameError(f"HiGHS does not read {path.name}: {error.status}") from error
    theirs = LinearModel.of_highs(highs)
    place = {name: column for column, name in enumerate(highs.getLp().col_names_)}
    if place.keys() != named.columns.keys():
        (name, *_) = place.keys() ^ named.columns.keys()
        raise GameError(f"{name!r} is a variable of {path.name} to one of HiGHS and sesgame alone")
    order = np.array([place[name] for name in named.columns], dtype=np.intp)
    ours, others = _parts(linear, np.arange(len(order))), _parts(theirs, order)
    for part, value in ours.items():
        if not np.array_equal(value, others[part]):
            raise GameError(f"HiGHS reads other {part} in {path.name} than stand there")


def _parts(model: LinearModel, order: NDArray[np.intp]) -> dict[str, NDArray[Any]]:
    """Return what makes a model, its columns in an order."""
    new = np.argsort(order)
    semicontinuous = np.zeros(len(order), dtype=np.bool_)
    semicontinuous[model.semicontinuous] = True
    return {
        "objective": np.array([model.sense, model.offset, *model.cost[order]]),
        "quadratic terms": _sorted(new[model.hessian[0]], new[model.hessian[1]], model.hessian[2]),
        "bounds": _to_highs([model.col_lower[order], model.col_upper[order]]),
        "integer variables": model.integer[order],
        "semi-continuous variables": semicontinuous[order],
        "right-hand sides": _to_highs([model.row_lower, model.row_upper]),
        "coefficients": _sorted(model.rows, new[model.columns], model.coefficients),
    }


def _to_highs(bounds: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return bounds with infinity where HiGHS has it."""
    both = np.array(bounds)
    return np.where(np.abs(both) >= INFINITE, np.copysign(np.inf, both), both)


def _sorted(
    rows: NDArray[np.intp], columns: NDArray[np.intp], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the entries of a matrix that are not zero, by row and column."""
    order = np.lexsort((columns, rows))
    order = order[values[order] != 0]
    return np.array([rows[order], columns[order], values[order]])
