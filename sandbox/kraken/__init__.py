"""Kraken's dialect: spot REST and WebSocket v2."""
