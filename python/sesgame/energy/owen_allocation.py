"""Bills from the dual prices of one dispatch: in the core, for any number of members.

Every right-hand side of the dispatch is brought by members, so the cost of any coalition S is
``c(S) = max y . z_S`` over the same dual prices y, with z_S the sum of what its members bring. At
prices that are optimal for all, everyone together pays ``y . z_N = c(N)``, and no coalition pays
more than its own cost, ``y . z_S <= c(S)`` [owen1975]_.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

from sesgame.energy.community import Community
from sesgame.energy.dispatch.billed import DIVISIONS, BilledModel
from sesgame.energy.dispatch.dual_prices import RELATIVE_TOLERANCE, DualPrices
from sesgame.energy.dispatch.model import chosen
from sesgame.energy.public_grid.public_grid import PublicGrid
from sesgame.energy.scenarios import Scenarios
from sesgame.errors import GameError
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.game.given_allocation import as_allocation
from sesgame.game.players import Players
from sesgame.rule import AllocationProblem, Option, Rule
from sesgame.stability.core_points import REFERENCE, reference_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sesgame.energy.dispatch.problem import Model
    from sesgame.energy.time_steps import Moment

__all__ = ["DUAL_PRICES", "owen_allocation"]


@checked_arguments
def owen_allocation(
    community: Community | Scenarios | PublicGrid,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    model: Model | None = None,
    reference: Allocation | Mapping[Hashable, float] | ArrayLike | None = None,
    constants: str | None = None,
    progress: bool = True,
) -> Allocation:
    r"""Return the bills at the dual prices of the community's optimal dispatch.

    .. math:: x_i = \sum_t \bigl( \lambda_t L_{it} - \mu_t E_i - \pi_t P_i \bigr) - \theta s_i

    with the net load L, energy capacity E, power P and initial charge s that member i brings, and
    optimal dual prices of energy, capacity, power and initial charge. The bills are in the core of
    :meth:`Community.cost_game <sesgame.energy.Community.cost_game>`, whatever the number of
    members, unless a limit that belongs to no member binds (see :class:`sesgame.energy.Grid`): then
    they exceed the cost, and may be more than somebody pays alone; ``evidence.duality_gap`` says by
    how much they exceed it.

    Parameters
    ----------
    community : Community, Scenarios or PublicGrid
        Any number of members.
    start, end, model
        The period and the model, as in ``Community.cost_game``.
    reference : Allocation, mapping of label to float, or array_like of shape (n,), optional
        Where several prices prove the dispatch optimal, take those whose bills are nearest to
        these (a Shapley estimate, say), in least squares.
    constants : {"equally", "by import"}, optional
        How what is not in proportion to energy is divided, for which there are no prices: a fee in
        the game, a minimum that is not reached, floors and earlier months of peaks. In equal parts,
        or in proportion to what each member draws beside its own roof. By default it is refused.
        Either leaves no group a reason to leave.
    progress : bool, default True
        Whether to draw a bar, on a terminal.

    Returns
    -------
    Allocation
        Costs, with :class:`OwenPrices` as evidence where a recursion gave the prices, and
        :class:`ProgrammePrices` where a linear program did: for ``model="linear"``, for
        scenarios, and with `reference`; :class:`ScenarioPrices` for scenarios under a risk;
        :class:`ContractPrices` where no dispatch is left to do
        under a contract. On the public grid they are
        :class:`~sesgame.evidence.SharingPrices`, which clear each step: of those between which
        there is a choice, the middle; with batteries
        :class:`~sesgame.evidence.StoredSharingPrices`.

    Raises
    ------
    AllocationError
        `reference` is of other members or not finite.
    GameError
        As in ``Community.cost_game``, or the costs are of no dispatch
        (:meth:`TwoPeriodStorage.allocation <sesgame.energy.TwoPeriodStorage.allocation>` has
        prices of its own).
    SolverError
        Rounding keeps the two sides of strong duality apart.

    Notes
    -----
    By recursion one dispatch for the prices and two for the range of each bill: O(n T) in all. By
    linear program one for the prices and two small changes of it for each range; the nearest
    bills are found by Wolfe's method [wolfe1976]_, with one change of the program in each round.

    Where several prices are optimal and no reference is given, the linear program takes those of
    the basis at which the simplex method ends. The recursion has a rule: looking back from the end,
    the shadow price of stored energy stays constant until a capacity bound is active, and then
    becomes that of the charge next to an empty or a full battery; energy is priced at what it is
    worth in the battery. Another community of the same members, with more or less of everything
    that everyone brings, has the same prices.

    References
    ----------
    Owen (1975) [owen1975]_ for the prices, Wolfe (1976) [wolfe1976]_ for the nearest bills.

    Examples
    --------
    In the first hour Ann's surplus displaces what Bob would buy; both are paid the full price:

    >>> import sesgame as sg
    >>> community = sg.energy.Community(
    ...     members=["ann", "bob"],
    ...     steps=["2016-06-01T12:00", "2016-06-01T13:00"],
    ...     load_kwh=[[-2.0, 1.0], [3.0, 1.0]],
    ...     tariff=sg.energy.Tariff.flat(0.30, 0.10),
    ... )
    >>> bills = sg.owen_allocation(community)
    >>> bills.values.round(2).tolist(), sg.audit(community.cost_game(), bills).in_core
    ([-0.3, 1.2], True)
    """
    if not isinstance(community, (Community, Scenarios, PublicGrid)):
        raise GameError(
            f"bills at dual prices of a dispatch are for a Community or Scenarios, not for "
            f"{community!r}"
        )
    if constants is not None and constants not in DIVISIONS:
        known = " or ".join(f'"{name}"' for name in DIVISIONS)
        raise GameError(f"constants must be {known}, got {constants!r}")
    if isinstance(community, PublicGrid):
        return _of_sharing(community.period(start, end), model, reference, progress)
    part = community.period(start, end)
    if reference is None and isinstance(part, Community):
        problem = part.problem
        model_of_part = chosen(problem, model)
        if isinstance(model_of_part, BilledModel):
            return _allocation(
                part.members,
                model_of_part.dual_prices(problem, progress=progress, constants=constants or ""),
            )
        return _allocation(part.members, model_of_part.dual_prices(problem, progress=progress))
    if reference is None:
        assert isinstance(part, Scenarios)
        return _allocation(part.members, part.dual_prices(model=model, progress=progress))
    program = part.programme(model)
    wanted = as_allocation(program.cost_game(), reference).values
    return _allocation(part.members, program.dual_prices(wanted, progress=progress))


def _of_sharing(
    world: PublicGrid, model: Model | None, reference: object, progress: bool
) -> Allocation:
    world.chosen_model(model)  # type: ignore[arg-type] # of which it has none
    if reference is not None:
        raise GameError(
            "on the public grid bills at dual prices take no reference: the middle of the prices "
            "that clear is taken, and the evidence has the ranges"
        )
    bills, evidence = world.dual_prices(progress=progress)
    allocation = Allocation(
        Players(world.members),
        bills,
        kind="cost",
        method=DUAL_PRICES.title,
        tolerance=RELATIVE_TOLERANCE * float(abs(bills).sum()),
        evidence=evidence,
    )
    return DUAL_PRICES.made(allocation)


def _allocation(members: tuple[str, ...], evidence: DualPrices) -> Allocation:
    allocation = Allocation(
        Players(members),
        evidence.bills,
        kind="cost",
        method=DUAL_PRICES.method(evidence),
        tolerance=RELATIVE_TOLERANCE * evidence.turnover,
        evidence=evidence,
    )
    return DUAL_PRICES.made(allocation)


def _apply(problem: AllocationProblem) -> Allocation:
    world, model = problem.world, problem.model
    assert isinstance(world, (Community, Scenarios, PublicGrid))
    return owen_allocation(
        world, model=model, reference=reference_of(problem), constants=problem.get(CONSTANTS)
    )


def _division(text: str) -> str:
    if text not in DIVISIONS:
        raise ValueError(text)
    return text


CONSTANTS: Option[str] = Option(
    name="constants",
    parse=_division,
    metavar="|".join(DIVISIONS),
    help="how fees in the game, minimum bills, floors and earlier peaks are divided, for which "
    "there are no dual prices",
)


DUAL_PRICES = Rule(
    name="dual-prices",
    title="bills at dual prices",
    apply=_apply,
    options=(REFERENCE, CONSTANTS),
    worlds=(Community, Scenarios, PublicGrid),
    meaning=(
        "Everybody pays for energy, and is paid for energy and for batteries, at the prices of the "
        "one dispatch that is cheapest for all together."
    ),
    page="concepts/owen-allocation",
    sources=("owen1975",),
    aliases=("owen",),
)
