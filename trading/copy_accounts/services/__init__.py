"""Every write to profit shares."""
