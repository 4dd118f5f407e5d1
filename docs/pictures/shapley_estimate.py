"""How sampled Shapley values close in on the exact ones."""

import numpy as np
import sesgame as sg

meters = np.random.default_rng(1).normal(0.1, 0.6, (60, 24)).round(3)
game = sg.games.netting(meters, 0.30, 0.08)
estimate = sg.shapley_estimate(game, method="pairs", seed=1, target_half_width=0.02)
sg.plots.convergence(estimate, exact=sg.shapley_value(game), unit="EUR")
