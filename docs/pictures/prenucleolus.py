"""A prenucleolus that gives a player less than alone, beside the nucleolus."""

import sesgame as sg

game = sg.Game.from_dict(
    {
        ("ann",): 0,
        ("bob",): 0,
        ("eve",): 0,
        ("ann", "bob"): 10,
        ("ann", "eve"): 0,
        ("bob", "eve"): 0,
        ("ann", "bob", "eve"): 2,
    },
    kind="gain",
)
sg.plots.core(game, [sg.nucleolus(game), sg.prenucleolus(game)], zoom=True)
