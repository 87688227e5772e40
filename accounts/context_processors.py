"""What every page's frame shows about the person signed in."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest

from accounts.models import User
from accounts.selectors import unread_count


def person(request: HttpRequest) -> dict[str, Any]:
    """Offer `unread_notifications`, counted only where a template asks."""
    user = getattr(request, "user", None)
    return {"unread_notifications": partial(unread_count, user) if isinstance(user, User) else 0}
