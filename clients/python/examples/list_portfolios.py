"""List one's portfolios with what they are worth and hold. SLIPSTREAM_URL and SLIPSTREAM_TOKEN (scope read)."""

import os

from slipstream_client import Client

with Client(os.environ["SLIPSTREAM_URL"], os.environ["SLIPSTREAM_TOKEN"]) as client:
    for portfolio in client.portfolios.each():
        print(f"{portfolio.name}: {portfolio.worth.equity} {portfolio.settlement} ({portfolio.kind})")
        for holding in client.portfolios.positions(portfolio.id):
            # What was sold again stays in the list, with what it earned.
            if holding.quantity:
                print(f"  {holding.symbol}: {holding.quantity}")
