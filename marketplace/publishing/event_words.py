"""What people are told of publishing: the words of each event."""

from __future__ import annotations

from typing import Any

# By the event's name: what accounts.registry.register_event takes.
EVENTS: dict[str, dict[str, Any]] = {
    "listing.approved": {
        "label": "A listing is public",
        "group": "Leading",
        "title": "{title} is public",
        "body": "An operator has approved what you submitted.",
        "url": "/marketplace/{listing}/",
    },
    "listing.refused": {
        "label": "A listing was not published",
        "group": "Leading",
        "severity": "warning",
        "title": "{title} was not published",
        "body": "{reason}",
        "url": "/marketplace/{listing}/",
    },
    "listing.share_raised": {
        "label": "A lead raises the profit share",
        "group": "Copy trading",
        "severity": "warning",
        "title": "{title} will share {share} of new profit",
        "body": "The lead has raised the profit share: from {effective_at} on it is {share}, of profit made after that"
        " alone. What you earn until then is shared as before. You may stop at any time.",
        "url": "/marketplace/{listing}/",
    },
}
