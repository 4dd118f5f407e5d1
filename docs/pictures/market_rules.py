"""What each participant of the example market pays under four rules."""

import sesgame as sg

book = sg.markets.OrderBook.from_orders(
    [
        ("sun", "offer", 0.00, 40),
        ("gas", "offer", 0.09, 60),
        ("oil", "offer", 0.20, 90),
        ("bakery", "bid", 0.15, 30),
        ("village", "bid", 3.00, 60),
    ]
)
rules = ["vcg", "uniform_price", "trade_reduction", "core_selecting"]
sg.plots.payments({rule: getattr(sg.markets, rule)(book) for rule in rules}, unit="EUR")
