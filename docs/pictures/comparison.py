"""A month of rural13 under every rule that fits it."""

import sesgame as sg

june = sg.energy.Community.from_csv("../../examples/rural13").period("2016-06-01", "2016-07-01")
sg.plots.comparison(sg.compare(june))
