"""A week of the street under a dynamic key: which roof gives how much to whom."""

import sesgame as sg

street = sg.energy.PublicGrid.from_csv("../../examples/street")
bills = sg.energy.shared_generation(street, sg.energy.DynamicKey(), local_price_per_kwh=0.12)
sg.plots.shared_energy(bills)
