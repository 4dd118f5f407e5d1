"""The per-capita least core against fractions, by hand, and against forgery."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.stability_oracles import exact_nucleolus
from sesgame.catalogue import RULES
from sesgame.testing import games


def largest_excess_per_member(game: sg.Game, shares: tuple[Fraction, ...]) -> Fraction:
    n, sign = game.n_players, int(game.sign)
    return max(
        sign
        * (Fraction(float(value)) - sum(shares[i] for i in range(n) if mask >> i & 1))
        / mask.bit_count()
        for mask, value in enumerate(game.tabulate())
        if 0 < mask < (1 << n) - 1
    )


@settings(max_examples=60, deadline=None)
@given(game=games(n=st.integers(2, 4)))
def test_the_value_is_the_first_level_in_fractions(game: sg.Game) -> None:
    _, least = exact_nucleolus(
        game.tabulate().tolist(),
        sign=int(game.sign),
        per_capita=True,
        individually_rational=False,
    )
    found = sg.per_capita_least_core(game)
    assert found.evidence.value == pytest.approx(float(least), abs=1e-10)
    assert found.evidence.verify(game).failures == ()
    proved = sg.per_capita_least_core(game, exact=True)
    assert largest_excess_per_member(game, proved.exact) == least
    assert proved.evidence.verify(game, exact=True).failures == ()


@pytest.mark.parametrize("n_players", [1, 2, 5, 8])
@pytest.mark.parametrize("kind", ["gain", "cost"])
def test_the_core_is_empty_exactly_when_the_value_is_positive(n_players: int, kind: str) -> None:
    for seed in range(8):
        random = np.random.default_rng([n_players, seed])
        table = random.integers(0, 20, size=1 << n_players).astype(float)
        table[0] = 0
        table[-1] += 2 * seed * n_players
        game = sg.Game.from_table(table if kind == "gain" else -table, kind=kind)
        found = sg.per_capita_least_core(game)
        assert found.evidence.verify(game).failures == ()
        assert (found.evidence.value > found.tolerance) == sg.core_existence(game).is_empty
        stages = sg.per_capita_prenucleolus(game).evidence.stages
        first = stages[0].excess if stages else 0.0
        assert found.evidence.value == pytest.approx(first, abs=1e-9 * game.scale)


def test_a_game_by_hand() -> None:
    # With x_c = -t, the pair has 6 - 2 t; all have 9, so t = -1. The pair may split its 8.
    game = sg.Game.from_table([0, 0, 0, 6, 0, 0, 0, 9], ["ann", "bob", "cid"], kind="gain")
    found = sg.per_capita_least_core(game, exact=True)
    assert found.evidence.value == -1
    assert found.evidence.tight == (("ann", "bob"), ("cid",))
    assert found.exact[2] == 1
    assert found.exact[0] + found.exact[1] == 8
    assert sg.least_core(game).evidence.value == pytest.approx(-1.5)


@pytest.mark.parametrize("exact", [False, True])
def test_one_least_core_is_not_taken_for_the_other(exact: bool) -> None:
    game = sg.games.airport([12, 20, 33, 50])
    rules = {"least-core": sg.least_core, "per-capita-least-core": sg.per_capita_least_core}
    for name, rule in rules.items():
        evidence = rule(game, exact=exact).evidence
        assert [of for of in rules if RULES[of].proved_by(evidence)] == [name]
        claim = evidence.verify(game, exact=exact).claim
        assert claim.startswith(f"in the {RULES[name].title} of this game")
        other = dataclasses.replace(evidence, per_capita=not evidence.per_capita)
        assert evidence.verify(game, exact=exact)
        assert not other.verify(game, exact=exact)


@pytest.mark.parametrize("exact", [False, True])
def test_a_forged_value_or_list_of_tight_coalitions_is_refused(exact: bool) -> None:
    game = sg.games.airport([12, 20, 33], players=["near", "middle", "far"])
    evidence = sg.per_capita_least_core(game, exact=exact).evidence
    for forged in (
        {"value": evidence.value - 0.1},
        {"tight": evidence.tight[1:], "tight_count": evidence.tight_count - 1},
        {"tight": (("near",), *evidence.tight[1:])},
        {"tight": (("near",), *evidence.tight), "tight_count": evidence.tight_count + 1},
        {"values": (6.0, 7.0, 20.0)},
    ):
        assert not dataclasses.replace(evidence, **forged).verify(game, exact=exact), forged


def test_values_too_close_for_floats_are_proved_in_fractions() -> None:
    # In tenths, equal levels differ by the last bits: floats keep none below the other.
    random = np.random.default_rng(3)
    for _ in range(40):
        table = np.round(random.random(64) * 10, 1)
        table[0], table[-1] = 0, table.sum()
        game = sg.Game.from_table(table, kind="gain")
        proved = sg.per_capita_least_core(game, exact=True)
        assert proved.evidence.verify(game, exact=True).failures == ()
