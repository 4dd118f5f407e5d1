"""What the three owners of gloves get, by who bargains with whom."""

import matplotlib.pyplot as plt
import numpy as np
import sesgame as sg

gloves = sg.Game.from_function(
    ["ann", "bob", "eve"], lambda s: float("eve" in s and len(s) > 1), kind="gain"
)
together = [["ann", "bob"], ["eve"]]
pair = [["ann", "eve"], ["bob"]]
rules = {
    "no unions\n(Shapley)": sg.shapley_value(gloves),
    "ann + bob\n(both values)": sg.owen_value(gloves, together),
    "ann + eve\n(Owen)": sg.owen_value(gloves, pair),
    "ann + eve\n(nested)": sg.nested_shapley_value(gloves, pair),
}
_, axes = plt.subplots()
x = np.arange(len(rules))
for number, (player, colour) in enumerate(
    {"ann (left)": "#0072B2", "bob (left)": "#E69F00", "eve (right)": "#009E73"}.items()
):
    values = [rule.values[number] for rule in rules.values()]
    bars = axes.bar(x + 0.26 * (number - 1), values, 0.24, color=colour, label=player)
    axes.bar_label(bars, [f"{value:.2g}" for value in values], padding=2, fontsize=8)
axes.set_xticks(x, rules)
axes.set_ylabel("gets, of a pair worth 1")
axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
