"""Follow a portfolio live until something was executed, then show it. The token needs the scope read."""

import os
from contextlib import closing

from slipstream_client import Client

with Client(os.environ["SLIPSTREAM_URL"], os.environ["SLIPSTREAM_TOKEN"]) as client:
    portfolio = next(client.portfolios.each())
    with closing(client.live(f"portfolio:{portfolio.id}")) as messages:
        for message in messages:
            if message.kind == "snapshot":
                # Also after a reconnection that could not go on where it was: whatever happened meanwhile is in it.
                print(f"equity {message.payload['cells']['equity']}", flush=True)
            elif "fills" in message.payload.get("refresh", ()):
                fill = next(client.fills.each(portfolio=portfolio.id))
                print(f"{fill.side} {fill.quantity} {fill.symbol} at {fill.price}")
                break
