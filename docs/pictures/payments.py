"""The same hour settled by three rules."""

import sesgame as sg

book = sg.markets.OrderBook.from_orders(
    [
        ("sun", "offer", 0.00, 30),
        ("gas", "offer", 0.08, 60),
        ("oil", "offer", 0.20, 90),
        ("mill", "bid", 0.30, 40),
        ("shop", "bid", 0.15, 30),
        ("home", "bid", 0.05, 20),
    ]
)
sg.plots.payments(
    {
        "VCG": sg.markets.vcg(book),
        "uniform price": sg.markets.uniform_price(book),
        "pay as bid": sg.markets.pay_as_bid(book),
    },
    unit="EUR",
)
