"""What each farm of the cable game bears from either start, and between them."""

import matplotlib.pyplot as plt
import sesgame as sg

cable = sg.games.airport([12, 20, 33], players=["near", "middle", "far"])
rules = {
    "equal surplus": sg.equal_surplus_allocation(cable),
    "Gately point": sg.gately_point(cable),
    "equal non-separable costs": sg.equal_surplus_allocation(cable, from_="marginal"),
}
_, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
sg.plots.allocations(rules, ax=axes)
