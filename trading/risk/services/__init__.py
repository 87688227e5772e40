"""Risk's writes: profiles, the memory of trades, the log of what was denied, the watch over what is open, closing everything."""
