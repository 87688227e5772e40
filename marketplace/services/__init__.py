"""Every write to listings and their records."""
