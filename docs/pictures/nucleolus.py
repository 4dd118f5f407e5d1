"""The largest excess over all ways to split the cost of the cable, and the nucleolus."""

import matplotlib.pyplot as plt
import numpy as np
import sesgame as sg

cable = sg.games.airport([12, 20, 33], players=["near", "middle", "far"])
near, middle = np.meshgrid(np.linspace(0, 14, 281), np.linspace(0, 20, 401))
paid = np.stack([near, middle, 33 - near - middle], axis=-1)
coalitions = [[0], [1], [2], [0, 1], [0, 2], [1, 2]]
costs = [cable.value([cable.players[i] for i in coalition]) for coalition in coalitions]
largest = np.max(
    [
        paid[..., coalition].sum(axis=-1) - cost
        for coalition, cost in zip(coalitions, costs, strict=True)
    ],
    axis=0,
)
_, axes = plt.subplots(figsize=(6.4, 4.2))
lines = axes.contour(
    near,
    middle,
    largest,
    levels=range(-4, 5, 2),
    colors="#4A7FB5",
    linewidths=1.2,
    linestyles="solid",
)
axes.clabel(lines, fmt="%d")
core = largest <= 1e-9
axes.contourf(near, middle, core, levels=[0.5, 1.5], colors=["#0072B2"], alpha=0.12)
x = sg.nucleolus(cable).values
axes.plot([6, 6], [6, 8], color="black", linewidth=2)
axes.plot(x[0], x[1], "o", color="#D55E00", markersize=8)
axes.annotate("nucleolus\n(6, 7, 20)", (x[0], x[1]), (6.3, 6.5), color="#D55E00", fontsize=8)
axes.annotate("least core, -6", (6, 6), (4.6, 5))
axes.annotate("core", (1, 15), color="#0072B2")
axes.set_xlabel("near pays")
axes.set_ylabel("middle pays")
