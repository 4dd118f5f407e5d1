"""Energy communities: meters, tariffs and batteries become a cost game.

>>> import sesgame as sg
>>> tariff = sg.energy.Tariff.flat(0.30, 0.08)
>>> tariff.currency
'EUR'
"""

from sesgame.energy.battery import Battery, Pool
from sesgame.energy.community import Community
from sesgame.energy.owen import OwenPrices
from sesgame.energy.schedule import Schedule
from sesgame.energy.tariff import PriceBand, PriceSeries, Tariff
from sesgame.energy.time_steps import TimeSteps

__all__ = [
    "Battery",
    "Community",
    "OwenPrices",
    "Pool",
    "PriceBand",
    "PriceSeries",
    "Schedule",
    "Tariff",
    "TimeSteps",
]
