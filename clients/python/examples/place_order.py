"""Buy something and wait until it is done: place_order.py SYMBOL QUANTITY. The token needs the scopes read and trade."""

import os
import sys

from slipstream_client import ApiError, Client

symbol, quantity = sys.argv[1:]
with Client(os.environ["SLIPSTREAM_URL"], os.environ["SLIPSTREAM_TOKEN"]) as client:
    portfolio = next(client.portfolios.each())
    found = client.instruments.each(search=symbol, namespace=portfolio.namespace)
    instrument = next((one for one in found if one.symbol == symbol), None)
    if instrument is None:
        sys.exit(f"{portfolio.name} can trade nothing that is called {symbol}.")
    try:
        # Sent again by itself after a broken connection, with the same Idempotency-Key: it never buys twice.
        order = client.orders.place(portfolio=portfolio.id, instrument=instrument.id, side="BUY", quantity=quantity)
    except ApiError as error:
        sys.exit(f"{error.code}: {error.detail}")
    order = client.orders.wait(order.id, timeout_seconds=20)
    print(f"{order.state} {order.reason}".strip())
    for fill in client.fills.each(order=order.id):
        print(f"{fill.side} {fill.quantity} {fill.symbol} at {fill.price}")
