"""The shapes of the strategies API, by what they are of."""
