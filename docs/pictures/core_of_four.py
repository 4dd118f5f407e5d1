"""Four farms share a cable: the core is a body in a tetrahedron."""

import sesgame as sg

cable = sg.games.airport([12, 20, 33, 41], players=["near", "middle", "far", "last"])
sg.plots.core(cable, [sg.shapley_value(cable), sg.nucleolus(cable)], unit="EUR")
