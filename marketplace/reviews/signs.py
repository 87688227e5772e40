"""Signs that the author of a review and the lead know each other: a flag for operators, never a refusal, never shown."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from accounts.models import SignIn
from common.clock import wall_now
from marketplace.billing.selectors import share_a_card

SEEN_WITHIN = timedelta(days=365)
DEVICE, ADDRESS, CARD = "SHARED_DEVICE", "SHARED_ADDRESS", "SHARED_CARD"


def signs_between(author_id: UUID, lead_id: UUID) -> list[str]:
    """Return what both have in common: a browser's device cookie, a network address, a card that both paid with."""
    recent = SignIn.objects.filter(succeeded=True, at__gt=wall_now() - SEEN_WITHIN)
    seen: dict[UUID, tuple[set[str], set[str]]] = {author_id: (set(), set()), lead_id: (set(), set())}
    rows = recent.filter(user__in=list(seen)).order_by().values_list("user", "device_digest", "address").distinct()
    for user, device, address in rows:
        seen[user][0].add(device)
        seen[user][1].add(address or "")
    devices = (seen[author_id][0] & seen[lead_id][0]) - {""}
    addresses = (seen[author_id][1] & seen[lead_id][1]) - {""}
    card = share_a_card(author_id, lead_id)
    return [sign for sign, shared in ((DEVICE, devices), (ADDRESS, addresses), (CARD, card)) if shared]
