"""Words of the OpenAPI schema that stand in no docstring: what each group of routes is about, and what parameters mean.

A parameter that a view describes itself keeps its own words; here is what a name means wherever it stands.
"""

from __future__ import annotations

from typing import Any

TAGS: dict[str, str] = {
    "approvals": "Orders that wait for a second person.",
    "audit": "Who did what, when and in which role.",
    "backfills": "Past candles that were asked for.",
    "backtests": "Strategies tried on the past.",
    "billing": "Prices, checkouts, subscriptions, invoices and payouts.",
    "close-all": "Closing everything one holds, at once.",
    "competitions": "Competitions, and who leads them.",
    "consents": "What a person agreed to.",
    "data-archives": "A copy of all that is kept of a person.",
    "departure": "Deleting one's account.",
    "exchange-accounts": "Accounts at exchanges and their keys.",
    "fills": "What was bought and sold.",
    "follows": "Copies of a lead: their settings, money and log.",
    "instruments": "What can be traded: facts, candles, order book and trades.",
    "invitations": "Who may sign up where the site is not open.",
    "leaderboard": "Leads in order of merit.",
    "listing-submissions": "Changes of listings that wait for the gate.",
    "listings": "The marketplace: leads that can be followed, and their records.",
    "markets": "Scanners over all instruments.",
    "me": "Whose token this is.",
    "notification-deliveries": "Where notifications were sent, and what became of them.",
    "notification-settings": "Which news is told where, and when not.",
    "notifications": "What a person was told.",
    "order-templates": "Orders that are placed often.",
    "orders": "Orders: placing, changing, cancelling and reading them.",
    "phone": "The number for text messages.",
    "plans": "Orders over time: averages, grids, schedules and the like.",
    "portfolios": "Books: what is in them, what it is worth, their ledger and limits.",
    "positions": "What is held.",
    "price-alerts": "Being told when a price is reached.",
    "profiles": "People as others see them.",
    "push-subscriptions": "Browsers that are told of news.",
    "record-keys": "Public keys that records are signed by.",
    "record-roots": "Signed roots that track records are proven by.",
    "reviews": "What followers say of a listing.",
    "runs": "Strategies that trade.",
    "safety": "Stopping everything: one's own switch and the platform's.",
    "saved-searches": "Searches of the marketplace that tell of what is new.",
    "signal-sources": "Other programs that may send signals.",
    "signals": "Where those programs send them.",
    "strategies": "Strategies and their versions.",
    "sweeps": "Backtests over a range of parameters.",
    "telegram-link": "Notifications by Telegram.",
    "tickers": "Prices of many instruments at once.",
    "tokens": "API tokens.",
    "venues": "Exchanges, and how they are doing.",
    "watch-lists": "Instruments that somebody keeps an eye on.",
    "webhooks": "Addresses that are told of events.",
    "workspaces": "Teams: members, roles, invitations and delegations.",
}

_PARAMETERS: dict[str, str] = {
    "amount": "How much money, in the portfolio's currency.",
    "base": "Only instruments of this asset, such as BTC.",
    "cause": "Only what was placed for this reason.",
    "consent": "What was agreed to.",
    "cursor": "Where the page begins: as `next` or `previous` gave it.",
    "depth": "How many levels of each side.",
    "descending": "Whether the newest comes first.",
    "digest": "The picture's digest, as the listing names it.",
    "exchange": "Only of the exchange of this code.",
    "fixed_amount": "With this sizing: the amount of each order.",
    "fixed_multiple": "With this sizing: the multiple of the lead's quantity.",
    "form": "The file's form.",
    "handle": "The name that a profile goes by.",
    "id": "Ids of what is to be compared; repeat the parameter.",
    "instrument": "Only of the instrument with this id.",
    "kind": "Only of this kind.",
    "limit": "How many at most.",
    "max_turnover": "Only instruments that turned over no more than this in a day.",
    "min_bps": "Only spreads of at least so many basis points.",
    "min_change_ratio": "Only instruments whose price moved at least by this share in a day.",
    "min_multiple": "Only instruments that turned over at least so many times what they usually do.",
    "min_size": "Only what can be traded for at least this amount.",
    "min_turnover": "Only instruments that turned over at least this in a day.",
    "multiplier": "How many times the lead's own share.",
    "namespace": "Only of this family of prices: the code of a simulation, or `live`.",
    "number": "Its number within the sweep, from 1.",
    "offset": "How many to leave out at the start.",
    "page": "The page's number, from 1.",
    "page_size": "How many a page, up to 200.",
    "quote": "Only instruments that are priced in this asset.",
    "scanner": "The scanner's name.",
    "scope": "What the switch is about.",
    "side": "Only of this side.",
    "start": "Only from this time on.",
    "state": "Only in this state.",
    "timeframe": "How long a candle lasts.",
}
# Status -> what an answer is where a view does not say it.
_ANSWERS = {
    "200": "What was asked for.",
    "201": "It was made.",
    "202": "It will be done.",
    "204": "Done; there is no body.",
}


def describe(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Put these words where there are none (drf-spectacular's POSTPROCESSING_HOOKS)."""
    for path in result["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                parameter["description"] = parameter.get("description") or _meaning(parameter)
            for status, answer in operation["responses"].items():
                if "$ref" not in answer:
                    answer["description"] = answer.get("description") or _ANSWERS[status]
    return result


def _meaning(parameter: dict[str, Any]) -> str:
    name: str = parameter["name"]
    noun = name.removesuffix("_id").replace("_", " ")
    if parameter["in"] == "path" and noun != name:
        return f"The {noun}'s id."
    return _PARAMETERS[name]
