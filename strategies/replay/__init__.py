"""The main job without a browser: real candles, one lead, many followers, through the same services as the running site."""
