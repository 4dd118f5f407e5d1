"""A month of rural13 under three rules, and a sampled one with its intervals."""

import sesgame as sg

june = sg.energy.Community.from_csv("../../examples/rural13").period("2016-06-01", "2016-07-01")
game = june.cost_game()
sampled = sg.shapley_estimate(game, max_evaluations=500, seed=1)
rules = [sampled, sg.nucleolus(game), sg.owen_allocation(june)]
sg.plots.allocations(rules, unit="EUR")
