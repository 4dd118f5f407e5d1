"""Pictures (extra ``plot``): each function draws on ``ax``, or a new figure, and returns the axes.

matplotlib is imported when something is drawn. Series differ in marker or line as well as in
colour, and the colours are told apart with any colour vision and on paper.
"""

from sesgame.plots.energy_flows import shared_energy
from sesgame.plots.markets import merit_order, payments
from sesgame.plots.price_bands import local_prices
from sesgame.plots.rules import comparison
from sesgame.plots.sampling import convergence
from sesgame.plots.schedule import dispatch
from sesgame.plots.shares import allocations
from sesgame.plots.simplex import core
from sesgame.plots.spectrum import excesses

__all__ = [
    "allocations",
    "comparison",
    "convergence",
    "core",
    "dispatch",
    "excesses",
    "local_prices",
    "merit_order",
    "payments",
    "shared_energy",
]
