"""The prices of three contracts under four rules, between the ends of the core."""

import matplotlib.pyplot as plt
import sesgame as sg

market = sg.markets.Matching.from_bids(
    {"ann": 0.28, "bob": 0.26, "eve": 0.24},
    {"roof": 0.08, "wind": 0.12, "hydro": 0.20},
    path_fees=[[0.01, 0.03, 0.01], [0.02, 0.01, 0.02], [0.03, 0.02, 0.01]],
)
rules = {
    "buyers' best": (sg.markets.buyer_optimal, "<"),
    "sellers' best": (sg.markets.seller_optimal, ">"),
    "fair division": (sg.markets.fair_division, "o"),
    "nucleolus": (sg.markets.matching_nucleolus, "D"),
}
pairs = {name: rule(market).pairs for name, (rule, _) in rules.items()}
_, axes = plt.subplots(figsize=(6, 2.6), layout="constrained")
for row, (low, high) in enumerate(zip(pairs["buyers' best"], pairs["sellers' best"], strict=True)):
    axes.plot([low.paid, high.paid], [row, row], color="0.8", linewidth=6, zorder=1)
for name, (_, marker) in rules.items():
    prices = [pair.paid for pair in pairs[name]]
    axes.scatter(prices, range(len(prices)), marker=marker, label=name, zorder=2)
axes.set_yticks(range(3), [f"{pair.row} - {pair.column}" for pair in pairs["nucleolus"]])
axes.margins(y=0.2)
axes.invert_yaxis()
axes.set_xlabel("price with fee, EUR/kWh")
axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
