"""What three members gain under one and two levels of Nash bargaining."""

import matplotlib.pyplot as plt
import sesgame as sg

pairs = {("ann", "bob"): 8, ("ann", "eve"): 4, ("bob", "eve"): 2}
alone = {("ann",): 0, ("bob",): 0, ("eve",): 0}
trio = sg.Game.from_dict(alone | pairs | {("ann", "bob", "eve"): 9}, kind="gain")
rules = {
    "equal weights": sg.nash_bargaining(trio),
    "by energy": sg.nash_bargaining(trio, weights=sg.contribution_weights([6, 2, 0], [1, 3, 4])),
    "ann and bob as a union": sg.nested_nash_bargaining(trio, [["ann", "bob"], ["eve"]]),
}
_, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
sg.plots.allocations(rules, ax=axes)
