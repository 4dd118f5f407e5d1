"""Three farms share a cable: all ways to split its cost, and the stable ones."""

import sesgame as sg

cable = sg.games.airport([12, 20, 33], players=["near", "middle", "far"])
sg.plots.core(cable, [sg.shapley_value(cable), sg.nucleolus(cable)], unit="EUR")
