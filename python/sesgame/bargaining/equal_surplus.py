"""Equal surplus: what each has alone, or adds to all others, and equal parts of the rest."""

from __future__ import annotations

from typing import Literal

import numpy as np

from sesgame.bargaining.surplus import (
    ALONE,
    EQUAL,
    MARGINAL,
    SurplusEvidence,
    rounding_of,
    shared_surplus,
    surplus_of,
    worse_off,
)
from sesgame.errors import AllocationError
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.game.game import Game
from sesgame.game.leave_one_out import leave_one_out, values_alone
from sesgame.rule import Promise, Rule

__all__ = ["EQUAL_NON_SEPARABLE", "EQUAL_SURPLUS", "equal_surplus_allocation"]


@checked_arguments
def equal_surplus_allocation(
    game: Game, *, from_: Literal["alone", "marginal"] = "alone", progress: bool = True
) -> Allocation:
    r"""Return the equal surplus allocation: the same gain for everybody.

    .. math:: x_i = v(i) + \frac{1}{n} \Bigl( v(N) - \sum_j v(j) \Bigr)

    From what each player adds to all others, :math:`M_i = v(N) - v(N \setminus i)`, it is the equal
    allocation of non-separable contributions,

    .. math:: x_i = M_i + \frac{1}{n} \Bigl( v(N) - \sum_j M_j \Bigr)

    Parameters
    ----------
    game : Game
        Any number of players; it is not tabulated.
    from_ : {"alone", "marginal"}, default "alone"
        From where everybody gains the same. The first is also known as the centre of gravity of the
        imputation set (CIS), the second as ENSC, or ENSC of costs.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    Allocation
        Efficient. From what each has alone it is individually rational, from what each adds it need
        not be. With :class:`~sesgame.evidence.SurplusEvidence`.

    Raises
    ------
    AllocationError
        `from_` is something else, or together players have less than alone (only for ``"alone"``).
    CharacteristicFunctionError
        The game has no finite value for one of the coalitions.

    Notes
    -----
    n + 1 values, or 2n + 1. It is symmetric Nash bargaining with what each has alone as the
    disagreement point; and from what each adds, what VCG would pay, less equal parts of its
    deficit.

    References
    ----------
    Driessen and Funaki (1991) [driessen1991]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> cable = sg.games.airport([12, 20, 33], players=["near", "middle", "far"])
    >>> sg.equal_surplus_allocation(cable).values.round(3).tolist()
    [1.333, 9.333, 22.333]
    >>> sg.equal_surplus_allocation(cable, from_="marginal").values.round(3).tolist()
    [6.667, 6.667, 19.667]
    """
    if from_ == "alone":
        alone, together = values_alone(game, progress=progress)
        start, surplus, rule = alone, surplus_of(game, together, alone), EQUAL_SURPLUS
    elif from_ == "marginal":
        alone, without, together = leave_one_out(game, progress=progress)
        start, rule = together - without, EQUAL_NON_SEPARABLE
        surplus = together - float(start.sum())
    else:
        raise AllocationError(f'from_ must be "alone" or "marginal", got {from_!r}')
    values = shared_surplus(start, np.ones(game.n_players), surplus)
    equal = rounding_of(game, [together, *start, *alone])
    evidence = SurplusEvidence(
        start=from_,
        by=EQUAL,
        start_payoffs=(),
        weights=(),
        values=tuple(values.tolist()),
        below_alone=worse_off(game, values, alone, equal),
    )
    return rule.made(
        Allocation(game.players, values, game.kind, rule.title, tolerance=equal, evidence=evidence)
    )


EQUAL_SURPLUS = Rule(
    name="equal-surplus",
    title="equal surplus",
    proved_by=SurplusEvidence.of((ALONE,), (EQUAL,)),
    apply=lambda problem: equal_surplus_allocation(problem.game),
    promises=frozenset(
        {
            Promise.EFFICIENT,
            Promise.INDIVIDUALLY_RATIONAL,
            Promise.UNIQUE,
            Promise.ADDITIVE,
            Promise.SYMMETRIC,
            Promise.CERTIFIED,
        }
    ),
    meaning=(
        "Everybody {bears} what they have alone, and what is gained together is shared in equal "
        "parts: the same for each, whoever brings more."
    ),
    page="concepts/equal-surplus",
    sources=("driessen1991",),
)

EQUAL_NON_SEPARABLE = Rule(
    name="equal-non-separable",
    title="equal non-separable contributions",
    proved_by=SurplusEvidence.of((MARGINAL,), (EQUAL,)),
    apply=lambda problem: equal_surplus_allocation(problem.game, from_="marginal"),
    promises=EQUAL_SURPLUS.promises - {Promise.INDIVIDUALLY_RATIONAL},
    meaning=(
        "Everybody {bears} what they add to the {worth} of all others together; what that leaves "
        "over, or lacks, is shared in equal parts."
    ),
    page="concepts/equal-surplus",
    sources=("driessen1991",),
)
