"""English, the one language so far."""
