"""Facts that upper floors may want to hear of."""

from django.dispatch import Signal

# A candle closed: the first price of its successor is on the board. Once for each, with instrument_id (UUID),
# timeframe ("5m") and opened_at (ISO 8601, UTC, the candle's start). A receiver only enqueues a task.
candle_closed = Signal()

# An exchange's instruments are as its venue lists them; with code (the exchange's), before the commit. A receiver only enqueues.
instruments_synchronised = Signal()
