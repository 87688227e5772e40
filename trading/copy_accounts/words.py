"""What pages say of a shortfall's parts."""

from __future__ import annotations

WORDS = {
    "lead": (
        "A perfect copy",
        "Everything that the lead did since you follow, at once, whole, at the lead's price and fee.",
    ),
    "delay": ("Delay", "The price moved between the lead's fill and your order."),
    "spread": ("Spread and slippage", "Your orders met a worse price than the market's when they were made."),
    "rounding": ("Rounding", "Quantities are rounded down to the venue's lots."),
    "skipped": ("Skipped", "Trades below a minimum, above a limit or your cash, during a pause, or not filled."),
    "own": ("Your own trades", "What was traded here that the lead did not do."),
    "fees": ("Fees", "Your fees, less what a perfect copy pays at the lead's rate."),
    "funding": ("Funding", "What holding a contract cost."),
    "profit_share": ("Profit share", "What was settled of your new profit."),
    "follower": ("You", "What your books say, after the profit share."),
}
