"""What upper apps show on a workspace's page: each registers panels, of which accounts knows no more than their template."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from accounts.teams.models import Membership


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of the page: a template, and what it is rendered with beside the page's own facts."""

    template: str
    facts: dict[str, Any]


Maker = Callable[[HttpRequest, Membership], Panel]
_makers: list[Maker] = []


def register_panel(maker: Maker) -> None:
    """Show a panel on every workspace's page; called from an app's `AppConfig.ready`."""
    if maker not in _makers:
        _makers.append(maker)


def panels_of(request: HttpRequest, mine: Membership) -> list[Panel]:
    return [make(request, mine) for make in _makers]
