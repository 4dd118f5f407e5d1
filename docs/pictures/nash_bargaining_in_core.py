"""The Nash bargaining point within a core, beside those of other rules."""

import sesgame as sg

two = {("ann", "bob"): 8, ("ann", "eve"): 4, ("bob", "eve"): 2}
alone = {("ann",): 0, ("bob",): 0, ("eve",): 0}
trio = sg.Game.from_dict(alone | two | {("ann", "bob", "eve"): 9}, kind="gain")
sg.plots.core(
    trio,
    {
        "Nash bargaining in the core": sg.nash_bargaining_in_core(trio),
        "with twice the power for ann": sg.nash_bargaining_in_core(trio, weights=[2, 1, 1]),
        "nucleolus": sg.nucleolus(trio),
        "Shapley value": sg.shapley_value(trio),
    },
)
