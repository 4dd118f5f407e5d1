"""What each farm can gain by leaving without each other one, under two rules."""

import matplotlib.pyplot as plt
import numpy as np
import sesgame as sg

cable = sg.games.airport([12, 20, 33], players=["near", "middle", "far"])
_, panels = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
for axes, rule in zip(panels, (sg.shapley_value, sg.nucleolus), strict=True):
    allocation = rule(cable)
    surpluses = sg.maximal_surpluses(cable, allocation)
    shown = np.where(np.isfinite(surpluses), surpluses, np.nan)
    axes.imshow(shown, cmap="Blues_r", vmin=-16, vmax=6)
    for i, j in np.argwhere(np.isfinite(shown)):
        unequal = abs(surpluses[i, j] - surpluses[j, i]) > 1e-6
        axes.text(j, i, f"{surpluses[i, j]:g}", ha="center", va="center", color="black",
                  weight="bold" if unequal else "normal", size=12)  # fmt: skip
    axes.set_xticks(range(3), [f"without\n{name}" for name in cable.players])
    axes.set_yticks(range(3), cable.players)
    axes.set_title(allocation.method)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
