"""What a listing says and offers, as one value: checked when it is given, stored in submissions and versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from common.errors import DomainError
from common.fields import canonical
from engine.copy_accounts.profit_share import DEFAULT_RATIO
from marketplace.models import ListingTag, Offer, Source
from trading.copy_accounts.services.settling import check_ratio

if TYPE_CHECKING:
    from marketplace.models import Listing

MAX_TITLE, MAX_SUMMARY, MAX_DESCRIPTION, MAX_DISCLOSURE = 80, 160, 4_000, 600
MAX_TAGS, MAX_TAG = 8, 24
MAX_MINIMUM = Decimal(1_000_000_000)
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
# Neither seen nor meant: control characters, and those that turn the direction of what follows.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Content:
    """All that an owner says of a listing. `has_own_money` and empty disclosures: not said yet."""

    title: str = ""
    summary: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    risks: str = ""
    conflicts: str = ""
    has_own_money: bool | None = None
    offer: str = Offer.PORTFOLIO
    source: str = Source.SEALED
    version_id: UUID | None = None
    suggested_minimum: Decimal | None = None
    profit_share_ratio: Decimal = DEFAULT_RATIO

    @property
    def is_disclosed(self) -> bool:
        return bool(self.risks and self.conflicts) and self.has_own_money is not None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON holds it, decimals as strings."""
        written = asdict(self)
        written["tags"] = list(self.tags)
        written["version_id"] = str(self.version_id) if self.version_id else None
        written["profit_share_ratio"] = canonical(self.profit_share_ratio)
        if self.suggested_minimum is not None:
            written["suggested_minimum"] = canonical(self.suggested_minimum)
        return written


NAMES = tuple(one.name for one in fields(Content))
# What is stored on the listing under the same name.
_COLUMNS = tuple(name for name in NAMES if name != "tags")


def content_from_json(stored: Mapping[str, Any]) -> Content:
    """Return what `to_json` wrote."""
    found = {name: stored[name] for name in NAMES if name in stored}
    found["tags"] = tuple(found.get("tags", ()))
    found["version_id"] = UUID(found["version_id"]) if found.get("version_id") else None
    found["profit_share_ratio"] = Decimal(found["profit_share_ratio"])
    if found.get("suggested_minimum") is not None:
        found["suggested_minimum"] = Decimal(found["suggested_minimum"])
    return Content(**found)


def content_of(listing: Listing) -> Content:
    """Return what a listing says now."""
    tags = tuple(listing.tags.values_list("name", flat=True))
    return Content(tags=tags, **{name: getattr(listing, name) for name in _COLUMNS})


def write_content(listing: Listing, content: Content) -> None:
    """Have a listing, which the caller has locked, say this."""
    for name in _COLUMNS:
        setattr(listing, name, getattr(content, name))
    listing.save(update_fields=list(_COLUMNS))
    if set(content.tags) != set(listing.tags.values_list("name", flat=True)):
        listing.tags.all().delete()
        ListingTag.objects.bulk_create(ListingTag(listing=listing, name=name) for name in sorted(set(content.tags)))


def checked_content(content: Content) -> Content:
    """Return content in its stored form; refusals (DomainError) name the field. Whether it may be published is the gate's to say."""
    words: dict[str, Any] = {
        "title": _words(content.title, 1, MAX_TITLE, "TITLE_INVALID", "title", "Give the listing a title of"),
        "summary": _words(content.summary, 0, MAX_SUMMARY, "SUMMARY_TOO_LONG", "summary", "Sum it up in"),
        "description": _words(
            content.description, 0, MAX_DESCRIPTION, "DESCRIPTION_TOO_LONG", "description", "Describe it in"
        ),
        "risks": _words(content.risks, 0, MAX_DISCLOSURE, "RISKS_TOO_LONG", "risks", "Name the risks in"),
        "conflicts": _words(
            content.conflicts, 0, MAX_DISCLOSURE, "CONFLICTS_TOO_LONG", "conflicts", "Name conflicts of interest in"
        ),
    }
    check_ratio(content.profit_share_ratio)
    least = content.suggested_minimum
    if least is not None and not (least.is_finite() and 0 < least <= MAX_MINIMUM):
        message = f"Suggest an amount above 0 and up to {MAX_MINIMUM:,}, or none."
        raise DomainError("MINIMUM_OUT_OF_RANGE", message, {"field": "suggested_minimum"})
    is_named = content.offer != Offer.PORTFOLIO
    if is_named and content.version_id is None:
        message = "Choose the version of your strategy that is offered."
        raise DomainError("VERSION_MISSING", message, {"field": "version"})
    return replace(content, **words, tags=_tags(content.tags), version_id=content.version_id if is_named else None)


def _words(text: str, least: int, most: int, code: str, field: str, begins: str) -> str:
    text = _UNSEEN.sub("", text.replace("\r\n", "\n")).strip()
    if not least <= len(text) <= most:
        span = f"{least} to {most:,}" if least else f"at most {most:,}"
        raise DomainError(code, f"{begins} {span} characters.", {"field": field})
    return text


def _tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys("-".join(one.strip().lower().split()) for one in tags if one.strip()))
    if len(found) > MAX_TAGS or any(len(one) > MAX_TAG or not _SLUG.fullmatch(one) for one in found):
        message = f"Give up to {MAX_TAGS} tags of letters, digits and hyphens, each of at most {MAX_TAG} characters."
        raise DomainError("TAGS_INVALID", message, {"field": "tags"})
    return found
