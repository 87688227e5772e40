"""The feed of a venue that is reached over the network: streams in, then prices, closed candles, books and trades out.

Messages are taken in on one asyncio loop (`streaming`, `intake`, `candle_desk`), and what may wait for a database or the
bus is done by one thread beside it (`publishing`). `docs/feed.md` says what is promised.
"""
