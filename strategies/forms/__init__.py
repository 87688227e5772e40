"""The forms of the strategies pages: per cent to people, ratios to services."""
