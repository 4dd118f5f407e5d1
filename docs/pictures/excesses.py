"""What each of the 8,190 groups of rural13 would gain by leaving, in falling order."""

import sesgame as sg

june = sg.energy.Community.from_csv("../../examples/rural13").period("2016-06-01", "2016-07-01")
game = june.cost_game()
sg.plots.excesses(game, [sg.shapley_value(game), sg.nucleolus(game)], unit="EUR")
