"""What the farms pay under the nucleolus, the per-capita nucleolus and the Shapley value."""

import sesgame as sg

cable = sg.games.airport([12, 20, 33], players=["near", "middle", "far"])
rules = [sg.shapley_value(cable), sg.nucleolus(cable), sg.per_capita_nucleolus(cable)]
sg.plots.allocations(rules, unit="1,000 EUR")
