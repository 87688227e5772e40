"""Statistics of results: what a backtest earned and risked, how much of that may be luck, and a verdict in words."""
