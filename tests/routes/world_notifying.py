"""What alice has of notifications and of her data."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from accounts.notifying.models import PushSubscription, Reach
from accounts.privacy.models import ConsentKind
from accounts.privacy.services.archives import request_archive
from accounts.privacy.services.consents import give_consent
from tests.routes.bodies_notifying import KEYS


def told_elsewhere(alice: User) -> dict[str, Any]:
    """Have alice told in a browser and ask for her data; return the keys of both."""
    Reach.objects.create(user=alice)
    told = {"endpoint": "https://push.example.com/1", "digest": "1" * 64, "label": "Firefox"}
    browser = PushSubscription.objects.create(user=alice, **told, **KEYS)
    give_consent(user=alice, kind=ConsentKind.MARKETING)
    return {"browser_id": browser.pk, "archive_id": request_archive(user=alice).pk, "consent": "MARKETING"}
