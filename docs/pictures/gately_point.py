"""What each farm of the cable game bears under three rules."""

import matplotlib.pyplot as plt
import sesgame as sg

cable = sg.games.airport([12, 20, 33], players=["near", "middle", "far"])
rules = {
    "Gately point": sg.gately_point(cable),
    "Shapley value": sg.shapley_value(cable),
    "nucleolus": sg.nucleolus(cable),
}
_, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
sg.plots.allocations(rules, ax=axes)
