"""What people are told of trading: the words of each event."""

from __future__ import annotations

from typing import Any

COPYING, LEADING, POSITIONS = "Copy trading", "Leading", "Orders and positions"

# By the event's name: what accounts.registry.register_event takes.
EVENTS: dict[str, dict[str, Any]] = {
    "approval.requested": {
        "title": "An order of {name} waits for your approval",
        "body": "{side} {quantity} {symbol}: approve or reject it on the workspace's page.",
        "url": "/settings/workspaces/{workspace}/",
    },
    "approval.decided": {
        "title": "Your order in {name} was {outcome}",
        "body": "{quantity} {symbol}.",
        "url": "/portfolios/{portfolio}/",
        "mail": False,
    },
    "follow.started": {
        "label": "Somebody follows you",
        "group": LEADING,
        "title": "Somebody follows {name}",
        "body": "From now on every fill of your portfolio {name} is copied into one more account.",
        "url": "/portfolios/{portfolio}/",
        "mail": False,
    },
    "lead.leaving": {
        "label": "A lead of yours is going to leave",
        "group": COPYING,
        "severity": "warning",
        "title": "The lead of {portfolio_name} is going to leave",
        "body": "On {due} their account is closed, unless they think better of it. What {portfolio_name} holds is sold at the"
        " market then; stop the follow before to choose otherwise.",
        "url": "/portfolios/{portfolio}/",
    },
    "lead.left": {
        "label": "A lead of yours has left",
        "group": COPYING,
        "severity": "critical",
        "title": "The lead of {portfolio_name} has left",
        "body": "They closed their account and trade no more. Nothing new is copied, and what {portfolio_name} holds is"
        " sold at the market.",
        "url": "/portfolios/{portfolio}/",
    },
    "follow.exit_failed": {
        "label": "A copy could not be sold",
        "group": COPYING,
        "severity": "critical",
        "title": "{symbol} could not be sold",
        "body": "The lead {name} has left {symbol}, and three attempts to follow failed ({code}). Close it on the portfolio's"
        " page; it is held until then.",
        "url": "/portfolios/{portfolio}/",
    },
    "follow.stopped_out": {
        "label": "A protective stop sold",
        "group": COPYING,
        "severity": "warning",
        "title": "Your protective stop at {venue} sold {symbol}",
        "body": "It went at {price} on average, in your follow of {name}. It counts as an exit of your own: nothing buys it back,"
        " and the lead's next opening is copied as usual.",
        "url": "/portfolios/{portfolio}/",
    },
    "follow.unprotected": {
        "label": "A copy has no protective stop",
        "group": COPYING,
        "severity": "critical",
        "title": "{symbol} has no protective stop at the exchange",
        "body": "In your follow of {name} three attempts to place it failed. {words} It is tried again by itself; until then"
        " only the copy stop guards it, and that is watched here.",
        "url": "/portfolios/{portfolio}/",
    },
    "follow.close_failed": {
        "label": "A follow that ends could not sell",
        "group": COPYING,
        "severity": "critical",
        "title": "{symbol} could not be sold yet",
        "body": "Your follow of {name} ends, and {symbol} was to be sold: three attempts failed ({code}). It is tried again by"
        " itself, less often the longer it takes; the portfolio's page shows every attempt.",
        "url": "/portfolios/{portfolio}/",
    },
    "follow.out_of_step": {
        "label": "A copy is out of step",
        "group": COPYING,
        "severity": "warning",
        "title": "Your copy of {name} is out of step",
        "body": "You hold less than your share of what the lead holds. The portfolio's page shows what would catch up; nothing"
        " is bought before you accept it.",
        "url": "/portfolios/{portfolio}/",
    },
    "follow.stopped": {
        "label": "A follow has ended",
        "group": COPYING,
        "title": "You no longer follow {name}",
        "body": "Nothing is copied any more. The money is in the portfolio {portfolio_name}; move it where you like.",
        "url": "/portfolios/{portfolio}/",
    },
    "follow.guard_hit": {
        "label": "A guard of a follow was hit",
        "group": COPYING,
        "severity": "critical",
        "title": "A guard of your follow of {name} was hit",
        "body": "{words} It was worth {equity} then.",
        "url": "/portfolios/{portfolio}/",
    },
    "follow.closing": {
        "label": "A follow is being closed",
        "group": COPYING,
        "severity": "warning",
        "title": "Your follow of {name} is being closed",
        "body": "{words}",
        "url": "/portfolios/{portfolio}/",
    },
    "follow.admitted": {
        "label": "A place on a waiting list came up",
        "group": COPYING,
        "title": "There is room: you follow {name} now",
        "body": "Your place on the waiting list came up. The amount has moved into the follow's portfolio, and every later"
        " fill of the lead is copied.",
        "url": "/portfolios/{portfolio}/",
    },
    "follow.place_lost": {
        "label": "A place on a waiting list was lost",
        "group": COPYING,
        "severity": "warning",
        "title": "You lost your place on {name}'s waiting list",
        "body": "There was room, but the follow could not begin: {words} Follow it again to get in line.",
        "url": "/portfolios/{portfolio}/",
    },
    "plan.paused": {
        "label": "A plan has paused",
        "group": POSITIONS,
        "severity": "warning",
        "title": "A plan has paused: {kind}, {symbol}",
        "body": "{words} It opens nothing until you resume it; what it holds is still sold as it planned.",
        "url": "/plans/{plan}/",
    },
    "position.liquidated": {
        "label": "A position was liquidated",
        "group": POSITIONS,
        "severity": "critical",
        "title": "{name}: your {side} in {instrument} was liquidated",
        "body": "At {price} its margin was down to the maintenance margin, so all {quantity} of it is closed at the market."
        " What it can lose is lost with it; the ledger says how much.",
        "url": "/orders/{order}/",
    },
    "risk.paused": {
        "label": "A limit stopped new orders",
        "group": POSITIONS,
        "severity": "warning",
        "title": "{name} opens nothing new",
        "body": "{words} It goes on by itself at {until}. What it holds is still yours to sell.",
        "url": "/portfolios/{portfolio}/risk/",
    },
}
