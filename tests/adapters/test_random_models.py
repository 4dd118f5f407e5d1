"""Random models in each package against models that have only what a coalition brings."""

import numpy as np
import pytest
from fixtures import random_models
from hypothesis import given, settings
from sesgame import adapters

TOLERANCE = 1e-6
"""HiGHS' own, of each bound and row; costs are below 20 a unit and quantities below 40."""

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def in_file(ending):
    def game(village, folder):
        path = folder / f"village{ending}"
        random_models.in_highs(village).writeModel(str(path))
        names = {member: f"z_{member}" for member in random_models.MEMBERS}
        return adapters.model_file(path, names)

    return game


ROUTES = {
    "linopy": lambda village, _: adapters.linopy.model_game(random_models.in_linopy(village)),
    "mps": in_file(".mps"),
    "lp": in_file(".lp"),
}


def agrees(game, village):
    assert game.kind == ("gain" if village.maximise else "cost")
    assert list(game.players) == list(random_models.MEMBERS)
    np.testing.assert_allclose(
        game.tabulate(), random_models.table(village), rtol=TOLERANCE, atol=40 * TOLERANCE
    )


@pytest.mark.parametrize("route", ROUTES)
@settings(max_examples=6, deadline=None)
@given(village=random_models.villages())
def test_a_coalition_has_what_its_members_bring(route, village, tmp_path_factory):
    agrees(ROUTES[route](village, tmp_path_factory.mktemp("models")), village)


@settings(max_examples=6, deadline=None)
@given(village=random_models.villages(quadratic=False))
def test_a_coalition_has_what_its_members_bring_in_pyomo(village):
    model = random_models.in_pyomo(village)
    agrees(adapters.pyomo.model_game(model, model.membership), village)
