"""What a strategy would have done: numba kernels that turn candles and signals into trades (fill model `candle`)."""
