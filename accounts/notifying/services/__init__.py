"""Every write of how people are told, and of what is sent to them."""
