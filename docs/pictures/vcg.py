"""The merit order of the example market, and what each participant pays."""

import matplotlib.pyplot as plt
import sesgame as sg

book = sg.markets.OrderBook.from_orders(
    [
        ("sun", "offer", 0.00, 40),
        ("gas", "offer", 0.09, 60),
        ("oil", "offer", 0.20, 90),
        ("bakery", "bid", 0.15, 30),
    ],
    demand_kwh=60,
    value_of_lost_load=3.0,
)
_, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
settlements = {"VCG": sg.markets.vcg(book), "one price": sg.markets.uniform_price(book)}
sg.plots.merit_order(settlements["one price"], unit="EUR", ax=left)
sg.plots.payments(settlements, unit="EUR", ax=right)
