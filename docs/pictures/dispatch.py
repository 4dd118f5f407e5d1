"""Three summer days of rural13: sun, battery and grid."""

import sesgame as sg

community = sg.energy.Community.from_csv("../../examples/rural13")
schedule = community.dispatch(start="2016-06-01", end="2016-06-04")
sg.plots.dispatch(schedule, tariff=community.tariff)
