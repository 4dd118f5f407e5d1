"""A least core where there is no core, and three demands that do not meet."""

import sesgame as sg

quarrel = sg.Game.from_dict(
    {
        ("ann",): 0,
        ("bob",): 0,
        ("eve",): 0,
        ("ann", "bob"): 7,
        ("ann", "eve"): 6,
        ("bob", "eve"): 5,
        ("ann", "bob", "eve"): 8,
    },
    kind="gain",
)
sg.plots.core(quarrel, {"Shapley value": sg.shapley_value(quarrel)})
