"""Points of one core, chosen in different ways."""

import sesgame as sg

cable = sg.games.airport([12, 20, 33], players=["near", "middle", "far"])
alone = {"near": 12, "middle": 20, "far": 33}
by_length = {player: 33 / 65 * cost for player, cost in alone.items()}
sg.plots.core(
    cable,
    {
        "least variance": sg.nearest_core_allocation(cable),
        "nearest to pay by length": sg.nearest_core_allocation(cable, reference=by_length),
        "most even savings": sg.leximin_core_allocation(cable, reference=alone),
        "nucleolus": sg.nucleolus(cable),
    },
    zoom=True,
)
