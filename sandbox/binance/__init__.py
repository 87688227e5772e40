"""Binance's dialect: spot and USDT-margined futures, REST, streams, user data and the WebSocket API."""
