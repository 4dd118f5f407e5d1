"""Aggregators as linear models of members, against answers by hand and by brute force."""

from fractions import Fraction
from itertools import product

import highspy
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import strategies as st


def wind_and_store(wind, chance, stored, shift, price, shortage, surplus):
    """Return the game of a wind farm that sells before it knows, and a store that fills gaps."""
    model = highspy.Highs()
    model.silent()
    has_wind, has_store = model.addVariable(0, 1), model.addVariable(0, 1)
    contract = model.addVariable(0)
    states = range(len(wind))
    short, over = ([model.addVariable(0) for _ in states] for _ in range(2))
    later = [model.addVariable(-highspy.kHighsInf) for _ in states]
    for s in states:
        model.addConstr(
            contract == wind[s] * has_wind + stored * has_store + later[s] + short[s] - over[s]
        )
        model.addConstr(later[s] <= shift * has_store)
        model.addConstr(later[s] >= -shift * has_store)
    model.addConstr(sum(p * x for p, x in zip(chance, later, strict=True)) == 0)
    gain = sum(
        p * (surplus * up - shortage * down)
        for p, up, down in zip(chance, over, short, strict=True)
    )
    model.maximize(price * contract + gain)
    return sg.adapters.highspy.model_game(model, {"wind": has_wind, "store": has_store})


def by_hand(wind, chance, stored, shift, price, shortage, surplus):
    """Return the best gain of each group by trying what can be best, in Fractions.

    A contract is best at an output; what the store moves from one state to the other, weighed by
    how likely they are, is best at an end or a kink.
    """
    (first, second), (p, q) = wind, chance

    def gain(contract, outputs):
        return price * contract + sum(
            weight * (surplus * max(0, x - contract) - shortage * max(0, contract - x))
            for weight, x in zip((p, q), outputs, strict=True)
        )

    def best(outputs):
        return max(gain(contract, outputs) for contract in (Fraction(0), *outputs))

    alone, store = best((first, second)), price * stored
    most = min(Fraction(shift), shift * q / p)
    # Ends, where both outputs meet (x + up = y - up p / q), and where one is nothing.
    kinks = ((second - first) / (1 + p / q), -first - stored, (second + stored) * q / p)
    moved = [Fraction(0), most, -most, *(up for up in kinks if abs(up) <= most)]
    together = max(best((first + stored + up, second + stored - up * p / q)) for up in moved)
    return [Fraction(0), alone, store, together]


def test_wind_and_store_worked_by_hand():
    """Price 50, shortage 80, surplus 20; 6 or 14 MWh of wind, 5 stored and 4 to be moved: 310 and
    440 of 750, where 380 and 250 are earned alone."""
    case = ((6, 14), (0.5, 0.5), 5, 4, 50, 80, 20)
    game = wind_and_store(*case)
    assert game.tabulate() == pytest.approx([0, 380, 250, 750])
    for rule in (sg.shapley_value, sg.nucleolus, sg.nash_bargaining):
        assert rule(game).values == pytest.approx([440, 310])


@drawn(
    10,
    100,
    st.tuples(st.integers(0, 20), st.integers(0, 20)),
    st.sampled_from([Fraction(1, 2), Fraction(1, 4), Fraction(2, 3)]),
    st.integers(0, 6),
    st.integers(0, 6),
)
def test_wind_and_store_are_worth_what_brute_force_finds(wind, chance, stored, shift):
    chances = (chance, 1 - chance)
    exact = by_hand(tuple(map(Fraction, wind)), chances, stored, shift, 50, 80, 20)
    game = wind_and_store(wind, tuple(map(float, chances)), stored, shift, 50, 80, 20)
    assert game.tabulate() == pytest.approx([float(value) for value in exact], abs=1e-6)


def test_capacity_is_a_row_that_has_a_price():
    """Three units with energy in two hours, and firm capacity that is the less of both."""
    energy, capacity = (4.0, 6.0), 10.0
    output = {"sun": (5.0, 1.0), "night": (0.0, 4.0), "engine": (2.0, 2.0)}
    model = highspy.Highs()
    model.silent()
    has = {name: model.addVariable(0, 1) for name in output}
    sold = [model.addVariable(0) for _ in energy]
    firm = model.addVariable(0)
    for hour in range(2):
        model.addConstr(sold[hour] == sum(output[name][hour] * has[name] for name in output))
        model.addConstr(firm <= sold[hour])
    model.maximize(sum(p * q for p, q in zip(energy, sold, strict=True)) + capacity * firm)
    game = sg.adapters.highspy.model_game(model, has)
    for inside in product([False, True], repeat=3):
        names = [name for name, chosen in zip(output, inside, strict=True) if chosen]
        if names:
            totals = [sum(output[name][hour] for name in names) for hour in range(2)]
            worth = sum(p * q for p, q in zip(energy, totals, strict=True)) + capacity * min(totals)
            assert game.value(names) == pytest.approx(worth)
    # All together have 7 in both hours: between the hours the price of capacity may be split.
    bills = sg.adapters.dual_allocation(game)
    assert sg.audit(game, bills).in_core
    assert bills.evidence.lowest[0] == pytest.approx(26 + 10 * 1)
    assert bills.evidence.highest[0] == pytest.approx(26 + 10 * 5)
