"""Every write to what can be traded and to its candles."""
