"""Long-lived plans (grid, DCA, martingale, TWAP, iceberg, scheduled) as pure functions: state and event in, state and wished orders out.

    state, wishes = plan.begin(price, at_ms)
    state, wishes = plan.step(state, Fill(key, side, quantity, price, at_ms) or Tick(price, at_ms))

A plan is frozen data, and so is its state: whoever keeps it (a row, a backtest) stores it and gives it back. The same
state and event give the same wishes with the same client keys, so a task that runs twice places nothing twice. Prices
and quantities are exact decimals on the instrument's steps. `backtest.py` leads a plan through candles with the matching
kernel; live, the same wishes become orders (trading/plans). `kinds.py` makes a plan of what somebody typed, `preview.py`
says what it will do, `storing.py` keeps its state as JSON.
"""
