"""What whoever follows accepts, in words: with a version, so that each follow can say which words it was."""

from __future__ import annotations

from common.errors import DomainError

# Changed with every change of the words below.
TERMS_VERSION = "2026-11b"
TERMS = (
    "I may lose all that I follow with. Past results promise nothing.",
    "The lead decides, for themselves and not for me; nobody here advises me or looks after my money.",
    "Only the lead's fills are copied, after they happened, at the price that I meet: my result differs from theirs.",
    "Nothing of mine waits at the exchange but a protective stop that I ask for.",
    "This platform watches all other stops and guards: while it is down, they sell nothing.",
    "A guard sells at the market: in a fast market I may lose more than it says.",
)


def check_terms(accepted: str) -> None:
    """Refuse a consent to other words than these."""
    if accepted != TERMS_VERSION:
        message = "Read the terms of copying as they are now, and accept these."
        raise DomainError("TERMS_NOT_ACCEPTED", message, {"field": "accepted_terms", "version": TERMS_VERSION})
