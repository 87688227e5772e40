"""Ask several things at once, asynchronously. The token needs the scope read."""

import asyncio
import os
from contextlib import aclosing

from slipstream_client import AsyncClient


async def main() -> None:
    async with AsyncClient(os.environ["SLIPSTREAM_URL"], os.environ["SLIPSTREAM_TOKEN"]) as client:
        portfolio = await anext(client.portfolios.each())
        curve, risk = await asyncio.gather(client.portfolios.equity(portfolio.id), client.portfolios.risk(portfolio.id))
        print(f"{portfolio.name}: {len(curve)} points, risk {risk.level}")
        print([f"{fill.side} {fill.quantity}" async for fill in client.fills.each(portfolio=portfolio.id)])
        async with aclosing(client.live(f"portfolio:{portfolio.id}")) as messages:
            first = await anext(messages)
            print(first.kind, first.payload["cells"]["equity"])


asyncio.run(main())
