"""The fill model `order_level`: orders of every kind against a row of prices, exact in whole ticks and lots.

Whoever keeps orders (the paper broker) speaks decimals, and its own keys:

    book = RestingBook()                                              # resting_book.py
    book.list_instrument("BTC-USDT", Grid(tick_size, lot_step), last_price)
    book.set_position("BTC-USDT", account, held)                      # only reduce-only looks at it
    events = book.place(Resting("entry", "BTC-USDT", Kind.LIMIT, "BUY", quantity, limit_price=price), ...)
    events = book.on_price("BTC-USDT", price, depth=grid.depth(bids, asks))
    events = book.amend("entry", limit_price=price); book.cancel("entry"); book.expire(now_ms)
    row = book.standing("entry"); book.restore(row)                   # through a restart, the oldest first
    reached = book.reach("BTC-USDT", price)                           # who keeps rows asks `single.py` about each

Orders of one `place` belong together: a bracket is an entry and two exits with its `parent_key` and one `group_key`; an
OCO is two orders of one `group_key`. Nothing raises for an order's fault: it is REJECTED with a Reason. Each event names
the order, and what has ended is forgotten. Which prices concern anybody is found by two comparisons.

Inside (ticks and lots): `rules.py` are the rules, pure functions of one order; `open_orders.py` what a fill does to groups
and children; `book.py` the doors of one instrument; `waiting.py`, `levels.py`, `trails.py` find who is concerned by a
price; `walk.py` leads a candle through a book. The rules in short, bid = ask = the last price:

- A market order fills at once. A limit within the market takes its price; otherwise it rests, and gets its limit when
  the market touches it, though that opened beyond. Post-only is refused where it would take.
- A stop or a take profit fills at its trigger, or at the price to which the market jumped. In the market already, it is
  refused; but what a parent sets free fires, since it protects.
- A stop-limit is a limit order once triggered: at the trigger's price where the market is still within the limit.
- A trailing stop follows the best price since it began (`activation_price`), by an amount or basis points of it, to the
  nearest tick, half up.
- OCO: what one fills is no more the others'. Exits start with as much as their entry has filled.
- With depth, takers walk its levels and makers fill as far as somebody lies against them; each order meets all of it.
- An iceberg fills a slice at a touch, and all when the market goes beyond. Reduce-only never opens or turns a position.
- GTD ends after the candle (or tick) of its time; a touch in that still counts.
"""
