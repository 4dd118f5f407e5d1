"""Division of an estate that does not cover what is claimed of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from math import fsum
from typing import TYPE_CHECKING

import numpy as np

from sesgame.bargaining.proportional import PROPORTIONAL
from sesgame.errors import AllocationError
from sesgame.game.allocation import Allocation, Amount, Evidence, checked_values
from sesgame.game.door import checked_arguments
from sesgame.game.players import Players

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["DivisionEvidence", "divide"]


@dataclasses.dataclass(frozen=True, eq=False)
class DivisionEvidence(Evidence):
    """What was divided, and among which claims.

    Attributes
    ----------
    rule : str
        The rule.
    estate : float
        What there is.
    claims : tuple of float
        What each claims.
    """

    rule: str
    estate: float
    claims: tuple[float, ...]

    @property
    def n_evaluations(self) -> int:
        """None: there is no game."""
        return 0

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return how much of the claims the estate covers."""
        claimed = fsum(self.claims)
        return [f"There is {amount(self.estate)} for claims of {amount(claimed)}."]


@checked_arguments
def divide(
    estate: float,
    claims: Mapping[Hashable, float] | ArrayLike,
    *,
    rule: str = "equal-awards",
) -> Allocation:
    r"""Return how an estate is divided among claims that it does not cover.

    Parameters
    ----------
    estate : float
        What there is, E: from 0 to the sum of the claims.
    claims : mapping of label to float, or array_like of float, shape (n,)
        What each claims, c, at least 0.
    rule : {"equal-awards", "equal-losses", "proportional", "talmud"}, default "equal-awards"
        Equal awards: :math:`\min(c_i, t)`. Equal losses: :math:`\max(0, c_i - t)`. Proportional:
        :math:`E c_i / c(N)`. Talmud: equal awards of the claims' halves up to half of all claims,
        and beyond that what equal losses of the halves leave, too. The common t is such that the
        shares sum to E.

    Returns
    -------
    Allocation
        Of kind ``"gain"``: nobody less than 0 or more than the claim.

    Raises
    ------
    AllocationError
        The estate is negative, above the claims or not finite; a claim is negative or not finite;
        or there is no such rule.

    Notes
    -----
    O(n log n). The Talmud's division is the nucleolus of :func:`sesgame.games.bankruptcy`.

    References
    ----------
    O'Neill (1982) [oneill1982]_, Aumann and Maschler (1985) [aumann1985]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> sg.divide(200, {"ann": 100, "bob": 200, "eve": 300}, rule="talmud").values.tolist()
    [50.0, 75.0, 75.0]
    """
    if not isinstance(rule, str) or rule not in DIVISIONS:
        raise AllocationError(f"rule must be one of {', '.join(DIVISIONS)}; got {rule!r}")
    labels: list[Hashable]
    try:
        if isinstance(claims, Mapping):
            labels = list(claims)
            claimed = np.array([claims[label] for label in labels], dtype=np.float64)
        else:
            claimed = np.array(claims, dtype=np.float64)
            labels = list(range(claimed.size))
        total = float(estate)
    except (TypeError, ValueError) as error:
        raise AllocationError(f"estate and claims must be numbers: {error}") from error
    if claimed.size == 0:
        raise AllocationError("there is no claim")
    players = Players(labels)
    claimed = checked_values(players, claimed)
    for index in np.flatnonzero(claimed < 0):
        raise AllocationError(
            f"the claim of {players[int(index)]!r} is {claimed[index]:g}; the least is 0"
        )
    sum_of_claims = fsum(claimed)
    if not 0 <= total <= sum_of_claims:
        raise AllocationError(
            f"the estate is {total:g}; it must be from 0 to {sum_of_claims:g}, the sum of the "
            f"claims"
        )
    values = np.clip(DIVISIONS[rule](total, claimed), 0.0, claimed)
    return Allocation(
        players,
        values,
        "gain",
        f"{rule.replace('-', ' ')} division",
        tolerance=len(players) * np.finfo(float).eps * sum_of_claims,
        evidence=DivisionEvidence(rule, total, tuple(claimed.tolist())),
    )


def _proportional(estate: float, claims: NDArray[np.float64]) -> NDArray[np.float64]:
    total = fsum(claims)
    return claims * (estate / total) if total > 0 else claims


def _equal_awards(estate: float, claims: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return min(c, t), where t is raised from one claim to the next."""
    order = np.argsort(claims)
    left = estate
    for place, claim in enumerate(claims[order].tolist()):
        open_claims = len(claims) - place
        if claim * open_claims >= left:
            return np.minimum(claims, left / open_claims)
        left -= claim
    return claims


def _equal_losses(estate: float, claims: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what the claims have left after equal awards of the losses."""
    return claims - _equal_awards(fsum([*claims.tolist(), -estate]), claims)


def _talmud(estate: float, claims: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return equal awards of the halves, or the halves and equal losses of the others."""
    halves = claims / 2
    half = fsum(halves)
    if estate <= half:
        return _equal_awards(estate, halves)
    return halves + _equal_losses(estate - half, halves)


Division = Callable[[float, "NDArray[np.float64]"], "NDArray[np.float64]"]

DIVISIONS: dict[str, Division] = {
    "equal-awards": _equal_awards,
    "equal-losses": _equal_losses,
    PROPORTIONAL.name: _proportional,
    "talmud": _talmud,
}
