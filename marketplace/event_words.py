"""What people are told of the marketplace: the words of each event."""

from __future__ import annotations

from typing import Any

# By the event's name: what accounts.registry.register_event takes.
EVENTS: dict[str, dict[str, Any]] = {
    "review.written": {
        "label": "A review of your listing",
        "group": "Leading",
        "title": "{stars} of 5 stars for {title}",
        "body": "Somebody who followed it wrote a review. You may answer it once.",
        "url": "/marketplace/{listing}/reviews/",
        "mail": False,
    },
    "review.answered": {
        "label": "An answer to your review",
        "group": "Marketplace",
        "title": "The lead of {title} answered your review",
        "url": "/marketplace/{listing}/reviews/",
        "mail": False,
    },
    "review.hidden": {
        "label": "A review of yours was hidden",
        "group": "Marketplace",
        "title": "Your review of {title} was hidden",
        "body": "An operator hid it: {reason}. You may change what it says; they look at it again when you ask them.",
        "url": "/marketplace/{listing}/review/",
    },
    "search.matched": {
        "label": "New matches of a saved search",
        "group": "Marketplace",
        "title": "New in your search “{name}”: {count}",
        "body": "{titles}",
        "url": "/marketplace/?{query}",
    },
}
