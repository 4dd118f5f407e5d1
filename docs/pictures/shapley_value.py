"""The Shapley value of the cable: six orders of arrival, and their mean."""

from itertools import permutations

import matplotlib.pyplot as plt
import sesgame as sg

cable = sg.games.airport([12, 20, 33], players=["near", "middle", "far"])
colours = {"near": "#0072B2", "middle": "#E69F00", "far": "#009E73"}
bars = {}
for order in permutations(cable.players):
    before = 0.0
    bars["\n".join(order)] = {}
    for place, player in enumerate(order):
        now = cable.value(order[: place + 1])
        bars["\n".join(order)][player] = now - before
        before = now
bars["mean =\nShapley\nvalue"] = dict(
    zip(cable.players, sg.shapley_value(cable).values, strict=True)
)
_, axes = plt.subplots()
for x, shares in enumerate(bars.values()):
    bottom = 0.0
    for player, colour in colours.items():
        height = shares[player]
        place = x + 0.4 * (x == 6)
        axes.bar(place, height, 0.7, bottom, color=colour, edgecolor="white", linewidth=1)
        if height:
            axes.text(place, bottom + height / 2, f"{height:g}", ha="center", va="center")
        bottom += height
axes.set_xticks([0, 1, 2, 3, 4, 5, 6.4], bars)
axes.set_ylabel("charged (1,000 EUR)")
handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in colours.values()]
axes.legend(handles, colours, loc="upper left", bbox_to_anchor=(1, 1))
