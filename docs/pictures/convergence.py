"""A Shapley value of 104 members comes to rest within three cents."""

import sesgame as sg

day = sg.energy.Community.from_csv("../../examples/semiurban104").period("2016-01-15", "2016-01-16")
estimate = sg.shapley_estimate(day.cost_game(), target_half_width=0.03, seed=1)
sg.plots.convergence(estimate, unit="EUR")
