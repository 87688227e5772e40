"""Scanners: what stands out in live books and fresh candles. Pure functions on arrays; nothing here knows a venue's name."""
