"""The 2n + 1 values: of every kind of game those of its coalitions one by one."""

import numpy as np
import pytest
import sesgame as sg
from sesgame.errors import CharacteristicFunctionError
from sesgame.game.leave_one_out import leave_one_out, values_alone

RNG = np.random.default_rng(3)


def community(batteries):
    return sg.energy.Community(
        members=[f"m{i}" for i in range(40)],
        steps=np.datetime64("2016-06-01T00:00") + np.arange(6) * np.timedelta64(1, "h"),
        load_kwh=RNG.normal(0.5, 2.0, (40, 6)),
        batteries=[
            sg.energy.Battery(
                owner=f"m{i}", energy_kwh=4, power_kw=2, charge_efficiency=1, discharge_efficiency=1
            )
            for i in range(batteries)
        ],
        tariff=sg.energy.Tariff.flat(0.30, 0.10),
    ).cost_game()


GAMES = {
    "netting": lambda: sg.games.netting(RNG.normal(0.5, 2.0, (70, 5)), 0.3, 0.1),
    "pooled battery": lambda: community(5),
    "airport": lambda: sg.games.airport(RNG.random(70)),
    "one player": lambda: sg.games.airport([3.0]),
    "two players": lambda: sg.games.netting([[1.0], [-2.0]], 0.3, 0.1),
    "vote": lambda: sg.games.weighted_vote([4, 3, 2, 1], quota=6),
    "table": lambda: sg.Game.from_table([0, *RNG.random(15)], kind="gain"),
    "function": lambda: sg.Game.from_function(range(9), lambda s: len(s) ** 2.0, kind="gain"),
}


@pytest.mark.parametrize("name", GAMES)
def test_the_values_are_those_of_the_coalitions(name):
    game = GAMES[name]()
    n = game.n_players
    single = np.eye(n, dtype=bool)
    found = leave_one_out(game, progress=False)
    together = game.value(game.players)
    # Sums are added in another order.
    rounding = 1e-13 * n * np.abs(game.values(single)).sum() + 1e-300
    assert found.alone.tolist() == game.values(single).tolist()
    np.testing.assert_allclose(found.without, game.values(~single), rtol=1e-13, atol=rounding)
    np.testing.assert_allclose(found.marginal, together - found.without)
    assert found.together == together
    alone, grand = values_alone(game, progress=False)
    assert (alone.tolist(), grand) == (found.alone.tolist(), together)


def test_a_function_is_asked_for_some_coalitions_at_a_time(monkeypatch):
    monkeypatch.setattr("sesgame.game.leave_one_out.BLOCK_FLAGS", 20)
    asked = []

    def worth(membership):
        asked.append(len(membership))
        return membership @ np.arange(9.0)

    game = sg.Game.from_function(range(9), worth, kind="gain", batched=True)
    found = leave_one_out(game, progress=False)
    assert found.marginal.tolist() == list(range(9))
    assert max(asked) <= 2


def test_a_value_that_is_not_finite_names_its_coalition():
    def cost(coalition):
        return float("inf") if coalition == {"ann", "cid"} else 1.0

    game = sg.Game.from_function(["ann", "bob", "cid"], cost, kind="cost")
    with pytest.raises(CharacteristicFunctionError, match=r"ann, cid"):
        leave_one_out(game)
