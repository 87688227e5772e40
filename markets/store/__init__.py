"""What the candle store stands on: where its files lie, the manifest of their contents, and the proof that they agree."""
