"""Any two can make 6, all three only 7: the core is empty, and the least core stands in."""

import sesgame as sg

any_two = sg.Game.from_table([0, 0, 1, 6, 2, 6, 6, 7], ["ann", "bob", "eve"], kind="gain")
sg.plots.core(any_two, [sg.shapley_value(any_two), sg.nucleolus(any_two)])
