"""What other apps tell accounts in `AppConfig.ready`: the personal data they keep, the events they notify of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.models import User


@dataclass(frozen=True)
class PersonalData:
    """One app's answers to "what do you keep about this person?" and "forget them"."""

    export: Callable[[User], Any]
    erase: Callable[[User], None]


@dataclass(frozen=True)
class Event:
    """How an event reads: `str.format` templates over its notification's context."""

    title: str
    body: str = ""
    url: str = ""
    mail: bool = True


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


def register_personal_data(app_label: str, *, export: Callable[[User], Any], erase: Callable[[User], None]) -> None:
    """Declare an app's personal data.

    `export(user)` returns what JSON can hold (Decimal, UUID and datetime included). `erase(user)` anonymises or
    deletes inside the caller's transaction, and raises DomainError where something must be ended first. Apps are
    asked in the order of INSTALLED_APPS: upper floors before lower ones.
    """
    _personal_data[app_label] = PersonalData(export, erase)


def personal_data() -> Mapping[str, PersonalData]:
    return _personal_data


def register_reachable(of_user: Callable[[User], list[tuple[UUID, str]]]) -> None:
    """Declare how to list (id, name) of what the user's tokens can be limited to."""
    _reachable.append(of_user)


def reachable_of(user: User) -> list[tuple[UUID, str]]:
    """Return (id, name) of all that the user's tokens can be limited to."""
    return [found for of_user in _reachable for found in of_user(user)]


def register_event(name: str, *, title: str, body: str = "", url: str = "", mail: bool = True) -> None:
    """Declare how notifications of an event read, and whether they are mailed as well."""
    _events[name] = Event(title, body, url, mail)


def event(name: str) -> Event:
    """Return an event's wording; one nobody declared reads as its name: "follow.stopped" → "Follow stopped"."""
    return _events.get(name) or Event(title=in_words(name))


def in_words(name: str) -> str:
    """Return a dotted name as a sentence would have it: "token.issued" → "Token issued"."""
    return name.replace(".", " ").replace("_", " ").capitalize()


def describe(name: str, context: Mapping[str, Any]) -> Description:
    """Return an event in words."""
    facts, wording = _Facts(context), event(name)
    return Description(*(text.format_map(facts) for text in (wording.title, wording.body, wording.url)))
