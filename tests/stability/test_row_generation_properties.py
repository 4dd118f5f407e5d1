"""An oracle that looks at all coalitions of a table finds what the table gives."""

from __future__ import annotations

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import strategies as st
from reference.separation_oracles import Enumeration
from sesgame.testing import games


@drawn(
    40,
    150,
    game=games(n=st.integers(1, 6)) | games(n=st.integers(1, 6), integer=False),
    count=st.sampled_from([1, 3, 100]),
    search=st.sampled_from([0, 0, 20]),
)
def test_the_oracle_gives_the_answers_of_the_table(game: sg.Game, count: int, search: int) -> None:
    tolerance = 1e-9 * max(game.scale, 1e-300)

    class Few(Enumeration):
        def most_violated(self, allocation, _, *, outside=None):
            return super().most_violated(allocation, count, outside=outside)

    oracle = Few(game)
    options = {"oracle": oracle, "local_search": search, "tolerance": tolerance}
    nucleolus = sg.nucleolus(game, **options)
    assert nucleolus.evidence.proved
    assert nucleolus.values == pytest.approx(sg.nucleolus(game).values, abs=1e-7 * game.scale)
    least_core = sg.least_core(game, **options).evidence
    assert least_core.proved
    value = sg.least_core(game).evidence.value
    assert least_core.lower_bound == pytest.approx(value, abs=2 * tolerance)
    assert least_core.upper_bound == pytest.approx(value, abs=2 * tolerance)
    for evidence in (nucleolus.evidence, least_core):
        verification = evidence.verify(game, oracle)
        assert verification.failures == verification.unchecked == ()
    again = sg.nucleolus(game, **options)
    assert np.array_equal(again.values, nucleolus.values)
    assert again.evidence == nucleolus.evidence
