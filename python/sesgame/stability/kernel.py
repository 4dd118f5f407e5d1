"""Kernel and prekernel: no player can demand anything from another that the other cannot match."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import maximal_surpluses as engine_maximal_surpluses
from sesgame.game.allocation import Allocation, Evidence
from sesgame.game.door import checked_arguments
from sesgame.game.given_allocation import as_allocation
from sesgame.game.precision import resolution, rounding_of_excesses
from sesgame.progress import progress_report
from sesgame.stability.search import first_largest

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.game.game import Game

__all__ = ["KernelCheck", "kernel_check", "maximal_surpluses"]


@checked_arguments
def maximal_surpluses(
    game: Game,
    allocation: Allocation | Mapping[Hashable, float] | ArrayLike,
    *,
    progress: bool = True,
) -> NDArray[np.float64]:
    """Return what each player can gain at most by leaving without each other player.

    s_ij(x) = max of e(S, x) over coalitions S with player i and without player j, where e is
    v(S) - x(S) for gains and x(S) - c(S) for costs.

    Parameters
    ----------
    game : Game
        At most 30 players; it is tabulated.
    allocation : Allocation, mapping of label to float, or array_like of shape (n,)
        As in :func:`sesgame.audit`.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    ndarray of float, shape (n, n)
        Row i, column j; minus infinity on the diagonal.

    Raises
    ------
    AllocationError, PlayerLimitError
        As in :func:`sesgame.audit`.

    Notes
    -----
    One pass over the 2^n values.

    References
    ----------
    Davis and Maschler (1965) [davis1965]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> gloves = sg.Game.from_table([0, 0, 0, 0, 0, 1, 1, 1], kind="gain")
    >>> sg.maximal_surpluses(gloves, [0, 0, 1]).tolist()
    [[-inf, 0.0, 0.0], [0.0, -inf, 0.0], [0.0, 0.0, -inf]]
    """
    x = as_allocation(game, allocation).values
    table = game.tabulate(progress=progress)
    with progress_report("maximal surpluses", " values", progress) as report:
        surpluses = engine_maximal_surpluses(table, game.kind, x, report)
    return surpluses.reshape(game.n_players, game.n_players)


@dataclasses.dataclass(frozen=True, eq=False)
class KernelCheck(Evidence):
    """Whether an allocation is in the prekernel and in the kernel.

    Attributes
    ----------
    in_prekernel : bool
        Efficient, and every pair of players is in balance: s_ij = s_ji.
    in_kernel : bool
        An imputation in which s_ij > s_ji only where player j gets no more than alone.
    stronger, weaker : hashable or None
        The pair furthest from balance; None for a single player.
    imbalance : float
        Its s_ij - s_ji.
    tolerance : float
        What counts as equal, in the unit of the game.
    """

    in_prekernel: bool
    in_kernel: bool
    stronger: Hashable
    weaker: Hashable
    imbalance: float
    tolerance: float


@checked_arguments
def kernel_check(
    game: Game,
    allocation: Allocation | Mapping[Hashable, float] | ArrayLike,
    *,
    tolerance: float | None = None,
    progress: bool = True,
) -> KernelCheck:
    """Tell whether an allocation is in the prekernel and in the kernel.

    The prekernel is the set of efficient x with s_ij(x) = s_ji(x) for all players i, j; the
    kernel that of imputations x in which s_ij(x) > s_ji(x) only if x_j = v(j). The prenucleolus
    is in the first, the nucleolus in the second.

    Parameters
    ----------
    game, allocation, progress
        As in :func:`maximal_surpluses`.
    tolerance : float, optional
        What counts as equal; by default 1e-9 of the largest gain of a coalition over its members
        alone, the accuracy of the game, and rounding.

    Returns
    -------
    KernelCheck

    Raises
    ------
    AllocationError, PlayerLimitError
        As in :func:`sesgame.audit`.

    Notes
    -----
    One pass over the 2^n values.

    References
    ----------
    Davis and Maschler (1965) [davis1965]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> majority = sg.Game.from_table([0, 0, 0, 1, 0, 1, 1, 1], kind="gain")
    >>> sg.kernel_check(majority, [1 / 3, 1 / 3, 1 / 3]).in_kernel
    True
    >>> check = sg.kernel_check(majority, [0.5, 0.5, 0])
    >>> check.in_prekernel, check.stronger, check.weaker, check.imbalance
    (False, 2, 0, 0.5)
    """
    given = as_allocation(game, allocation)
    surpluses = maximal_surpluses(game, given, progress=progress)
    if tolerance is None:
        rounding = rounding_of_excesses(game.scale, np.abs(given.values).sum(), game.n_players)
        tolerance = resolution(game) + game.rounding + float(rounding)
    table = game.tabulate(progress=False)
    n = game.n_players
    np.fill_diagonal(surpluses, 0.0)
    imbalance = surpluses - surpluses.T
    # Of pairs that are as far from balance the first.
    pairs = np.where(np.eye(n, dtype=np.bool_), -np.inf, imbalance)
    place = first_largest(pairs.ravel(), tolerance)
    stronger, weaker = np.unravel_index(place, imbalance.shape)
    efficient = abs(given.total - float(table[-1])) <= tolerance
    beyond = game.sign * (given.values - table[1 << np.arange(n)])
    rational = bool((beyond >= -tolerance).all())
    unjust = (imbalance > tolerance) & (beyond > tolerance)[np.newaxis, :]
    return KernelCheck(
        in_prekernel=efficient and bool((imbalance <= tolerance).all()),
        in_kernel=efficient and rational and not unjust.any(),
        stronger=game.players[int(stronger)] if n > 1 else None,
        weaker=game.players[int(weaker)] if n > 1 else None,
        imbalance=float(imbalance[stronger, weaker]),
        tolerance=tolerance,
    )
