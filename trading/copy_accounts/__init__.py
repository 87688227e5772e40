"""What a follow comes to: the profit share it owes, and why its result differs from its lead's."""
