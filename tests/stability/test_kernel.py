from __future__ import annotations

import numpy as np
import pytest
import sesgame as sg
from reference.literature_games import LiteratureGame, with_solution


@pytest.mark.parametrize("case", with_solution("nucleolus"))
def test_the_nucleolus_is_in_the_kernel_and_the_prenucleolus_in_the_prekernel(
    case: LiteratureGame,
) -> None:
    game = case.game()
    assert sg.kernel_check(game, sg.nucleolus(game)).in_kernel
    assert sg.kernel_check(game, sg.prenucleolus(game)).in_prekernel


@pytest.mark.parametrize("kind", ["gain", "cost"])
def test_surpluses_are_the_largest_excesses(kind: str) -> None:
    random = np.random.default_rng(4)
    table = random.normal(size=1 << 6)
    table[0] = 0
    x = random.normal(size=6)
    game = sg.Game.from_table(table, kind=kind)
    surpluses = sg.maximal_surpluses(game, x)
    masks = np.arange(1, 63)
    member = masks[:, np.newaxis] >> np.arange(6) & 1
    excess = game.sign * (table[1:63] - member @ x)
    for i in range(6):
        for j in set(range(6)) - {i}:
            inside = (member[:, i] == 1) & (member[:, j] == 0)
            assert surpluses[i, j] == pytest.approx(excess[inside].max(), rel=1e-12)


def test_a_player_at_the_lower_bound_may_be_weaker_in_the_kernel() -> None:
    game = sg.Game.from_table([0, 0, 0, 10, 0, 0, 0, 2], kind="gain")
    check = sg.kernel_check(game, [1, 1, 0])
    assert check.in_kernel
    assert not check.in_prekernel
    assert check.weaker == 2
    assert not sg.kernel_check(game, [2, 0, 0]).in_kernel
    assert not sg.kernel_check(game, [3, 3, -4]).in_kernel


def test_a_single_player_is_always_in_balance() -> None:
    check = sg.kernel_check(sg.Game.from_table([0, 4], kind="cost"), [4])
    assert check.in_kernel
    assert check.in_prekernel
    assert check.stronger is None
