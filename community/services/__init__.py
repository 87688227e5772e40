"""Every write to competitions."""
