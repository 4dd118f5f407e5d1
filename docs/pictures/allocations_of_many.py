"""A summer day of 104 members: bills against standing alone."""

import sesgame as sg

day = sg.energy.Community.from_csv("../../examples/semiurban104").period("2016-06-15", "2016-06-16")
game = day.cost_game()
alone = sg.Allocation(
    game.players, [game.value([member]) for member in game.players], "cost", "standing alone"
)
rules = [sg.owen_allocation(day), sg.shapley_estimate(game, seed=1)]
sg.plots.allocations(rules, reference=alone, unit="EUR")
