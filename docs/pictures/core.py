"""The core of the cable, and where some rules lie in it."""

import sesgame as sg

cable = sg.games.airport([12, 20, 33], players=["near", "middle", "far"])
rules = [sg.shapley_value(cable), sg.nucleolus(cable), sg.per_capita_nucleolus(cable)]
sg.plots.core(cable, [*rules, sg.nearest_core_allocation(cable)])
