"""Random models in each package against models that have only what a coalition brings."""

import numpy as np
import pytest
from fixtures import random_models
from hypothesis import HealthCheck, given, settings
from sesgame import adapters

TOLERANCE = 1e-6
"""HiGHS' own, of each bound and row; costs are below 20 a unit and quantities below 40."""

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def of_linopy(village, _):
    return adapters.linopy.model_game(random_models.in_linopy(village))


def of_pyomo(village, _):
    model = random_models.in_pyomo(village)
    return adapters.pyomo.model_game(model, model.membership)


def of_file(ending):
    def game(village, folder):
        path = folder / f"village{ending}"
        random_models.in_highs(village).writeModel(str(path))
        names = {member: f"z_{member}" for member in random_models.MEMBERS}
        return adapters.model_file(path, names)

    return game


ROUTES = pytest.mark.parametrize(
    ("game_of", "quadratic"),
    [
        pytest.param(of_linopy, True, id="linopy"),
        pytest.param(of_pyomo, False, id="pyomo"),
        pytest.param(of_file(".mps"), True, id="mps"),
        pytest.param(of_file(".lp"), True, id="lp"),
    ],
)


def agree_on_drawn_villages(game_of, quadratic, folder, n_villages):
    # A village takes a good part of a second in linopy or Pyomo.
    @settings(max_examples=n_villages, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(village=random_models.villages(quadratic=quadratic))
    def agree(village):
        game = game_of(village, folder)
        assert game.kind == ("gain" if village.maximise else "cost")
        assert list(game.players) == list(random_models.MEMBERS)
        np.testing.assert_allclose(
            game.tabulate(), random_models.table(village), rtol=TOLERANCE, atol=40 * TOLERANCE
        )

    agree()


@ROUTES
def test_a_coalition_has_what_its_members_bring(game_of, quadratic, tmp_path):
    agree_on_drawn_villages(game_of, quadratic, tmp_path, 3)


@pytest.mark.slow
@ROUTES
def test_coalitions_of_many_villages_have_what_their_members_bring(game_of, quadratic, tmp_path):
    agree_on_drawn_villages(game_of, quadratic, tmp_path, 60)
