"""How likely each size of coalition is that a player joins, for ten players."""

from math import comb

import matplotlib.pyplot as plt

sizes = range(10)
_, axes = plt.subplots()
axes.plot(sizes, [1 / 10] * 10, "o-", color="#0072B2", label="Shapley: uniform over sizes")
axes.plot(
    sizes,
    [comb(9, size) / 2**9 for size in sizes],
    "s-",
    color="#D55E00",
    label="Banzhaf: uniform over coalitions",
)
axes.plot(
    sizes,
    [0] * 9 + [1],
    "^:",
    color="#009E73",
    label="weights 0, ..., 0, 1: everybody else",
)
axes.set_ylim(-0.01, 0.45)
axes.annotate("1", (8.94, 0.435), color="#009E73", ha="right")
axes.set_xticks(sizes)
axes.set_xlabel("players who are there already")
axes.set_ylabel("probability")
axes.legend(loc="upper left")
