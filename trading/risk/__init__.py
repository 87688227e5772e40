"""A portfolio's own limits: its profile, what is remembered of it, the facts that the rules need, and its page and API."""
