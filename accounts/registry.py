"""What other apps tell accounts in `AppConfig.ready`: the personal data they keep, the events they notify of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from django.db import models

from accounts.models import User


class Severity(models.TextChoices):
    """How much an event matters. What is critical waits for no quiet hours and no digest."""

    INFO = "info", "Information"
    WARNING = "warning", "Warning"
    CRITICAL = "critical", "Critical"


OTHER_GROUP = "Other"
# (who leaves, whether what their follows hold is kept, when the account is closed)
Unwind: TypeAlias = "Callable[[User, bool, datetime], None]"


@dataclass(frozen=True)
class PersonalData:
    """One app's answers to "what do you keep about this person?" and "forget them".

    `subjects` says in words what each part of the export holds; `unwind` ends what only its owner can say how to end.
    """

    export: Callable[[User], Any]
    erase: Callable[[User], None]
    subjects: Mapping[str, str] = field(default_factory=dict)
    unwind: Unwind | None = None


@dataclass(frozen=True)
class Event:
    """How an event reads (`str.format` templates over its notification's context), and how much it matters.

    `label` names it in lists of events, where there is no context. A security event cannot be switched off for mail.
    """

    title: str
    body: str = ""
    url: str = ""
    mail: bool = True
    label: str = ""
    group: str = OTHER_GROUP
    severity: Severity = Severity.INFO
    security: bool = False


@dataclass(frozen=True)
class Description:
    """An event in words; `url` is a path of this site or empty."""

    title: str
    body: str
    url: str


class _Facts(dict[str, Any]):
    """A context whose missing facts read as a dash: an old row must still render after its template gained a field."""

    def __missing__(self, key: str) -> str:
        return "–"


_personal_data: dict[str, PersonalData] = {}
# What a token can be limited to: portfolios live on a floor above, which says here how to list them.
_reachable: list[Callable[[User], list[tuple[UUID, str]]]] = []
_events: dict[str, Event] = {}
_retentions: dict[str, Callable[[], int]] = {}


def register_personal_data(
    app_label: str,
    *,
    export: Callable[[User], Any],
    erase: Callable[[User], None],
    subjects: Mapping[str, str] | None = None,
    unwind: Unwind | None = None,
) -> None:
    """Declare an app's personal data.

    `export(user)` returns what JSON can hold (Decimal, UUID and datetime included); a long list may be a query set,
    which is then read in pieces. `erase(user)` anonymises or deletes inside the caller's transaction, and raises
    DomainError where something must be ended first; `unwind(user, keeps, due_at)` ends it when its owner asks to
    leave: with what is held kept, or sold. Apps are asked in the order of INSTALLED_APPS: upper floors before lower ones.
    """
    _personal_data[app_label] = PersonalData(export, erase, subjects or {}, unwind)


def personal_data() -> Mapping[str, PersonalData]:
    return _personal_data


def register_retention(name: str, forget: Callable[[], int]) -> None:
    """Declare rows of an app that are forgotten with time; `forget()` runs each hour and returns how many went."""
    _retentions[name] = forget


def retentions() -> Mapping[str, Callable[[], int]]:
    return _retentions


def register_event(
    name: str,
    *,
    title: str,
    body: str = "",
    url: str = "",
    mail: bool = True,
    label: str = "",
    group: str = OTHER_GROUP,
    severity: str = Severity.INFO,
    security: bool = False,
) -> None:
    """Declare how notifications of an event read, how much they matter, and whether they are mailed by default."""
    _events[name] = Event(title, body, url, mail, label or in_words(name), group, Severity(severity), security)


def register_reachable(of_user: Callable[[User], list[tuple[UUID, str]]]) -> None:
    """Declare how to list (id, name) of what the user's tokens can be limited to."""
    _reachable.append(of_user)


def reachable_of(user: User) -> list[tuple[UUID, str]]:
    """Return (id, name) of all that the user's tokens can be limited to."""
    return [found for of_user in _reachable for found in of_user(user)]


def event(name: str) -> Event:
    """Return an event's wording; one nobody declared reads as its name: "follow.stopped" → "Follow stopped"."""
    return _events.get(name) or Event(title=in_words(name), label=in_words(name))


def event_groups() -> dict[str, list[tuple[str, Event]]]:
    """Return every declared event by its group, both in the order of their names; what has no group comes last."""
    groups: dict[str, list[tuple[str, Event]]] = {}
    for name, wording in sorted(_events.items()):
        groups.setdefault(wording.group, []).append((name, wording))
    return {group: groups[group] for group in sorted(groups, key=lambda one: (one == OTHER_GROUP, one))}


def in_words(name: str) -> str:
    """Return a dotted name as a sentence would have it: "token.issued" → "Token issued"."""
    return name.replace(".", " ").replace("_", " ").capitalize()


def describe(name: str, context: Mapping[str, Any]) -> Description:
    """Return an event in words."""
    facts, wording = _Facts(context), event(name)
    return Description(*(text.format_map(facts) for text in (wording.title, wording.body, wording.url)))
