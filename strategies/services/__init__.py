"""Every write to strategies, their versions and their runs."""
