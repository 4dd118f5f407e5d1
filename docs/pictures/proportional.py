"""What each farm of the cable game bears by some numbers."""

import matplotlib.pyplot as plt
import sesgame as sg

cable = sg.games.airport([12, 20, 33], players=["near", "middle", "far"])
rules = {
    "by standing alone": sg.proportional_allocation(cable),
    "equal parts": sg.proportional_allocation(cable, [1, 1, 1]),
    "of the surplus, by kW": sg.proportional_allocation(cable, [5, 5, 10], of="surplus"),
}
_, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
sg.plots.allocations(rules, ax=axes)
