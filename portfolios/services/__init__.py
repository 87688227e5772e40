"""Every write to portfolios, balances, positions, ledger and equity."""
