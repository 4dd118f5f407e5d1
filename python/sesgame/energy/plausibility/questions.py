"""All questions about a community, from its files or from anywhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sesgame.energy.community import Community
from sesgame.energy.plausibility.columns import MeterColumn
from sesgame.energy.plausibility.meters import meter_questions
from sesgame.energy.plausibility.money import battery_questions, price_questions
from sesgame.energy.plausibility.sun import sun_questions
from sesgame.errors import GameError
from sesgame.formatting import named
from sesgame.game.door import checked_arguments

if TYPE_CHECKING:
    from sesgame.energy.plausibility.question import Question

__all__ = ["all_questions", "questions"]


@checked_arguments
def questions(community: Community) -> tuple[Question, ...]:
    """Return what in a community is allowed, and yet looks like a mistake.

    What ``sesgame check`` asks about files, for readings from anywhere: registers that count up,
    gaps that were filled, copies, signs, Wh taken for kWh, PV at night or off the sun's noon,
    prices in cents, and more; ``docs/file-formats.md`` lists them with their thresholds.

    Parameters
    ----------
    community : Community

    Returns
    -------
    tuple of Question
        None of them keeps anybody from going on. `column` names the array and the member; `file` is
        empty.

    Raises
    ------
    GameError
        It is not a community.

    Notes
    -----
    O(n T) in members and steps.

    Examples
    --------
    >>> import sesgame as sg
    >>> community = sg.energy.Community(
    ...     members=["ann", "bob"],
    ...     steps=["2024-06-01T12:00", "2024-06-01T13:00", "2024-06-01T14:00"],
    ...     load_kwh=[[8231.5, 8232.0, 8232.75], [0.5, 1.0, 0.5]],
    ...     tariff=sg.energy.Tariff.flat(0.30, 0.08),
    ... )
    >>> [(question.topic, question.column) for question in sg.energy.questions(community)]
    [('cumulative register', 'load_kwh of ann')]
    """
    if not isinstance(community, Community):
        raise GameError(f"questions are asked about a community, not {named(community)}")
    arrays = {"load": community.load_kwh, "pv": community.pv_kwh}
    columns = [
        MeterColumn(f"{kind}_kwh of {member}", kind, "kWh", {member: 1.0}, row)
        for kind, array in arrays.items()
        for member, row in zip(community.members, array, strict=True)
        # Nothing at all is no meter.
        if row.any()
    ]
    return tuple(all_questions(community, columns, "", ""))


def all_questions(
    community: Community, columns: Sequence[MeterColumn], meters: str, prices: str
) -> list[Question]:
    """Return what is to be asked, by the names of the files of meters and of prices."""
    return [
        *meter_questions(community.steps, columns, meters),
        *sun_questions(community.steps, columns, meters),
        *price_questions(community.steps, community.tariff, prices),
        *battery_questions(community.batteries),
    ]
