"""Every write of trading. Locks are taken in one order: lead event, follows, portfolios (each by primary key), trigger book.

A portfolio's lock guards its balances, positions, orders' states and fill numbers, and its follow's aims.
"""
