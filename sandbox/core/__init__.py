"""What every exchange has, whatever its dialect: instruments, books, accounts, orders, a market that moves, and time."""
