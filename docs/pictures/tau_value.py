"""The tau value of three members between minimal rights and utopia payoffs."""

import matplotlib.pyplot as plt
import sesgame as sg

pairs = {("ann", "bob"): 8, ("ann", "eve"): 4, ("bob", "eve"): 2}
alone = {("ann",): 0, ("bob",): 0, ("eve",): 0}
trio = sg.Game.from_dict(alone | pairs | {("ann", "bob", "eve"): 9}, kind="gain")
found = sg.tau_value(trio)
places = range(trio.n_players)
_, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.vlines(places, found.evidence.minimal_rights, found.evidence.utopia_payoffs, color="0.6")
axes.scatter(places, found.evidence.utopia_payoffs, marker="_", s=300, label="utopia payoff")
axes.scatter(places, found.values, zorder=2, label="tau value")
axes.scatter(places, found.evidence.minimal_rights, marker="_", s=300, label="minimal right")
axes.set_xticks(places, list(trio.players))
axes.set_xlim(-0.5, 2.5)
axes.legend(frameon=False)
