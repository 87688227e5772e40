"""Sessions end one by one or all at once, with their sockets, and on wish with every program."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from accounts.models import ApiToken, AuditEntry, Notification, User
from accounts.selectors import session_credential, user_credential
from accounts.services import issue_token
from accounts.sessions.devices import device_name, place_name

FIREFOX = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@pytest.fixture
def withdrawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The credentials whose sockets are told to close."""
    found: list[str] = []
    for module in ("accounts.sessions.services", "accounts.services.tokens"):
        monkeypatch.setattr(f"{module}.withdraw", found.append)
    return found


def signed_in(user: User) -> tuple[Client, str]:
    client = Client()
    client.force_login(user)
    # Noted with its first page.
    client.get("/settings/")
    return client, str(client.session.session_key)


def is_in(client: Client) -> bool:
    return client.get("/settings/").status_code == 200


def test_one_session_is_ended_by_its_owner_alone(alice: User, bob: User, withdrawn: list[str]) -> None:
    (here, _), (there, key), (stranger, _) = signed_in(alice), signed_in(alice), signed_in(bob)
    session = UserSession.objects.get(session_key=key)
    path = f"/settings/sessions/{session.pk}/end/"
    assert stranger.post(path).status_code == 404
    assert is_in(there)
    assert here.post(path)["Location"] == "/accounts/sessions/"
    assert (is_in(here), is_in(there), is_in(stranger)) == (True, False, True)
    assert withdrawn == [session_credential(key)]
    assert AuditEntry.objects.get(action="session.ended").actor == alice


@pytest.mark.parametrize("programs", [False, True])
def test_log_out_everywhere(alice: User, bob: User, withdrawn: list[str], programs: bool) -> None:
    issue_token(user=alice, name="bot")
    issue_token(user=bob, name="bot")
    (here, _), (there, key), (stranger, _) = signed_in(alice), signed_in(alice), signed_in(bob)
    here.post("/settings/sessions/end/", {"programs": "on"} if programs else {})
    assert (is_in(here), is_in(there), is_in(stranger)) == (True, False, True)
    assert session_credential(key) in withdrawn
    assert (user_credential(alice) in withdrawn) is programs
    held = ApiToken.objects.filter(revoked_at=None).values_list("user", flat=True)
    assert set(held) == ({bob.pk} if programs else {alice.pk, bob.pk})


def test_a_log_in_begins_another_session(alice: User, client: Client) -> None:
    """Session fixation: a key that somebody else planted is worth nothing after the log-in."""
    client.get("/accounts/login/")
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies["sessionid"] = planted = str(session.session_key)
    client.post("/accounts/login/", {"login": alice.email, "password": "correct horse"})
    client.force_login(alice)
    assert client.session.session_key != planted
    thief = Client()
    thief.cookies["sessionid"] = planted
    assert not is_in(thief)


def test_a_new_device_is_told_of_and_a_known_one_is_not(alice: User) -> None:
    first = Client(headers={"User-Agent": FIREFOX})

    def log_in(client: Client) -> None:
        client.post("/accounts/login/", {"login": alice.email, "password": "correct horse"})

    from allauth.account.models import EmailAddress

    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    log_in(first)
    first.post("/accounts/logout/")
    log_in(first)
    assert not Notification.objects.filter(event="sign_in.new_device").exists()
    log_in(Client(headers={"User-Agent": FIREFOX}))
    told = Notification.objects.get(event="sign_in.new_device")
    assert (told.user, told.context["device"], told.context["place"]) == (alice, "Firefox on Ubuntu", "127.0.0.1")
    assert told.deliveries.filter(channel="MAIL").exists()


@pytest.mark.parametrize(
    ("user_agent", "name"), [(FIREFOX, "Firefox on Ubuntu"), ("curl/8.5", "curl"), ("", "Unknown device")]
)
def test_devices_in_words(user_agent: str, name: str) -> None:
    assert device_name(user_agent) == name


def test_a_place_is_the_address_where_no_database_says_more(settings: Any) -> None:
    assert (place_name("203.0.113.7"), place_name(None)) == ("203.0.113.7", "no address")
