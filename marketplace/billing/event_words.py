"""How what happens with money reads in notifications."""

from __future__ import annotations

from typing import Any

EVENTS: dict[str, dict[str, Any]] = {
    "subscription.ended": {
        "label": "A subscription has ended",
        "group": "Money",
        "severity": "warning",
        "title": "Your subscription to “{title}” has ended",
        "body": "Nothing new is copied. What your follow holds is treated as you chose.",
        "url": "/billing/subscriptions/",
    },
    "profit_share.invoiced": {
        "label": "A profit share is invoiced",
        "group": "Money",
        "title": "Profit share of {amount} for {lead}",
        "body": "The profit shares of the week that ended are being invoiced.",
        "url": "/billing/invoices/",
    },
}
