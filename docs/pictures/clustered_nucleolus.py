"""What clustering costs in stability, on an afternoon of rural13."""

import matplotlib.pyplot as plt
import sesgame as sg

village = sg.energy.Community.from_csv("../../examples/rural13")
afternoon = village.period("2016-06-01T12:00", "2016-06-02T00:00")
game = afternoon.cost_game()
clusters = range(1, 14)
gains = []
for k in clusters:
    # Thirteen members have a table, so the separation search need not end.
    bills = sg.energy.clustered_nucleolus(afternoon, k, max_seconds=0.01)
    gains.append(sg.audit(game, bills).worst_coalition_excess)
_, axes = plt.subplots()
axes.plot(clusters, gains, "o-", color="#0072B2")
axes.axhline(0, color="#888888", linewidth=0.8)
axes.annotate("nobody gains: in the core", (13, 0), (12.8, 0.08 * max(gains)), ha="right")
axes.set_xticks(clusters)
axes.set_xlabel("clusters (13: each member on its own)")
axes.set_ylabel("largest excess\nof a coalition (EUR)")
