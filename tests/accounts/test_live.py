"""Who is at the other end of a live socket: a token's owner, whoever is signed in to our own pages, or nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client, override_settings

from accounts.live import is_same_site
from accounts.models import ApiToken, User
from accounts.programs.checking import program_of
from accounts.services import change_access, create_person, issue_token, notify, revoke_token
from common import clock
from common.clock import wall_now
from common.consumers import EXPIRED
from tests.fixtures_live import Connect, Socket

pytestmark = pytest.mark.django_db(transaction=True)

OWN = {"origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000"}
REFUSED = "This token is unknown, expired or revoked: create a new one."
WITHDRAWN = "What this connection was opened with is no longer valid."


@pytest.fixture
def alice() -> User:
    return create_person(email="alice@example.org", password="correct horse")


@pytest.fixture
def bob() -> User:
    return create_person(email="bob@example.org", password="correct horse")


@pytest.fixture
def secret(alice: User) -> str:
    return issue_token(user=alice, name="bot")[1]


@pytest.fixture
def signed_in(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def _page(client: Client, **change: str) -> dict[str, str]:
    """Return the headers that a page of this browser opens a socket with."""
    return {**OWN, "cookie": f"sessionid={client.cookies[settings.SESSION_COOKIE_NAME].value}", **change}


async def _is(socket: Socket, user: User) -> bool:
    """Tell whether the platform takes the socket for this user."""
    await socket.subscribe(f"user:{user.pk}")
    return bool((await socket.hear())["type"] == "snapshot")


# --- tokens ---------------------------------------------------------------------------------------------------------
async def test_a_token_in_the_header_or_the_address_is_its_owner(
    live: Connect, alice: User, bob: User, secret: str
) -> None:
    for socket in (
        await live(headers={"authorization": f"Bearer {secret}"}),
        await live(f"/ws/live/?token={secret}"),
        await live(f"/ws/live/?token={secret}", {"origin": "https://elsewhere.example", "host": "127.0.0.1:8000"}),
    ):
        assert await _is(socket, alice)
        assert not await _is(socket, bob)
    assert (await sync_to_async(ApiToken.objects.get)()).last_used_at is not None


@pytest.mark.parametrize("token", ["", "wrong", "slip_wrong", "%00"])
async def test_a_bad_token_is_told_why_and_closed(live: Connect, signed_in: Client, token: str) -> None:
    # Not even the cookie of somebody signed in helps: whoever sends a token means it.
    socket = await live(f"/ws/live/?token={token}", _page(signed_in))
    assert await socket.hear() == {"type": "error", "topic": "", "code": "BAD_TOKEN", "message": REFUSED}
    assert await socket.closing() == (4401, REFUSED)


async def test_a_revoked_token_opens_no_socket(live: Connect, secret: str) -> None:
    await sync_to_async(_revoke)()
    socket = await live(headers={"authorization": f"Bearer {secret}"})
    assert (await socket.hear())["code"] == "BAD_TOKEN"
    assert (await socket.closing())[0] == 4401


async def test_a_token_revoked_in_another_process_opens_no_socket_within_the_second(
    live: Connect, alice: User, secret: str
) -> None:
    # This process looked at the token a moment ago, and nobody tells it to look again.
    await sync_to_async(program_of)(secret)
    await sync_to_async(ApiToken.objects.update)(revoked_at=wall_now())
    socket = await live(headers={"authorization": f"Bearer {secret}"})
    assert await socket.hear() == {"type": "error", "topic": "", "code": "BAD_TOKEN", "message": REFUSED}
    assert await socket.closing() == (4401, REFUSED)


async def test_a_socket_ends_with_its_tokens_time(live: Connect, alice: User) -> None:
    ends = wall_now() + timedelta(hours=1)
    _, short = await sync_to_async(issue_token)(user=alice, name="short", expires_at=ends)
    clock.use_wall_clock(lambda: ends - timedelta(milliseconds=50))
    try:
        socket = await live(headers={"authorization": f"Bearer {short}"})
        assert await socket.hear() == {"type": "error", "topic": "", "code": "BAD_TOKEN", "message": EXPIRED}
        assert await socket.closing() == (4401, EXPIRED)
    finally:
        clock.use_wall_clock(None)


async def test_a_token_limited_to_portfolios_hears_nothing_of_its_person(live: Connect, alice: User) -> None:
    token, limited = await sync_to_async(issue_token)(user=alice, name="limited")
    await sync_to_async(ApiToken.objects.filter(pk=token.pk).update)(portfolios=[str(alice.pk)])
    assert not await _is(await live(headers={"authorization": f"Bearer {limited}"}), alice)


async def test_revoking_a_token_closes_its_sockets_and_no_other(live: Connect, alice: User, secret: str) -> None:
    _, other = await sync_to_async(issue_token)(user=alice, name="other")
    closing = await live(headers={"authorization": f"Bearer {secret}"})
    staying = await live(headers={"authorization": f"Bearer {other}"})
    # The client cannot talk itself out of it.
    await closing.say({"type": "unsubscribe", "topics": [f"withdrawn:token:{await _first_token()}"]})
    assert await _is(closing, alice)
    await sync_to_async(_revoke)()
    assert await closing.closing() == (4401, WITHDRAWN)
    assert await _is(staying, alice)


def _revoke() -> None:
    revoke_token(token=ApiToken.objects.get(name="bot"))


async def _first_token() -> object:
    return (await sync_to_async(ApiToken.objects.get)(name="bot")).pk


# --- sessions -------------------------------------------------------------------------------------------------------
async def test_our_own_page_is_whoever_is_signed_in(live: Connect, alice: User, bob: User, signed_in: Client) -> None:
    socket = await live(headers=_page(signed_in))
    assert await _is(socket, alice)
    assert not await _is(socket, bob)


async def test_a_page_without_a_session_is_nobody(live: Connect, alice: User) -> None:
    assert not await _is(await live(headers=OWN), alice)
    assert not await _is(await live(headers={**OWN, "cookie": "sessionid=made-up"}), alice)


async def test_a_cookie_without_an_origin_counts_for_nothing(live: Connect, alice: User, signed_in: Client) -> None:
    headers = _page(signed_in)
    del headers["origin"]
    assert not await _is(await live(headers=headers), alice)


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:9000"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://evil.example", "host": "evil.example"},
        {"host": ""},
    ],
)
async def test_a_page_of_another_site_is_turned_away(signed_in: Client, change: dict[str, str]) -> None:
    assert await Socket("/ws/live/", _page(signed_in, **change)).connect() is False


async def test_there_is_one_address(signed_in: Client) -> None:
    assert await Socket("/ws/else/", _page(signed_in)).connect() is False


async def test_logging_out_closes_this_browsers_sockets_only(live: Connect, alice: User, signed_in: Client) -> None:
    elsewhere = Client()
    await sync_to_async(elsewhere.force_login)(alice)
    closing, staying = await live(headers=_page(signed_in)), await live(headers=_page(elsewhere))
    await sync_to_async(signed_in.post)("/accounts/logout/")
    assert await closing.closing() == (4401, WITHDRAWN)
    assert await _is(staying, alice)


async def test_whoever_is_locked_out_is_cut_off(live: Connect, alice: User, secret: str, signed_in: Client) -> None:
    sockets = [await live(headers=_page(signed_in)), await live(headers={"authorization": f"Bearer {secret}"})]
    await sync_to_async(change_access)(user=alice, is_active=False, is_staff=False, is_superuser=False)
    for socket in sockets:
        assert await socket.closing() == (4401, WITHDRAWN)
    assert not await _is(await live(headers=_page(signed_in)), alice)


# --- the topic ------------------------------------------------------------------------------------------------------
async def test_a_notification_reaches_the_open_page_of_its_person_only(
    live: Connect, alice: User, bob: User, signed_in: Client
) -> None:
    page, stranger = await live(headers=_page(signed_in)), await live()
    await page.subscribe(f"user:{alice.pk}")
    await stranger.subscribe(f"user:{alice.pk}")
    assert (await page.hear())["cells"] == {"unread": "0"}
    assert (await stranger.hear())["code"] == "NOT_FOUND"
    await sync_to_async(notify)(user=alice, event="test.stopped", context={})
    update = await page.hear()
    assert (update["type"], update["cells"], update["refresh"]) == ("update", {"unread": "1"}, ["notifications"])
    assert [one["title"] for one in update["notifications"]] == ["Test stopped"]
    assert await stranger.is_silent()


def test_pages_of_named_origins_are_ours_behind_an_allowed_host() -> None:
    with override_settings(CSRF_TRUSTED_ORIGINS=["https://app.example"], ALLOWED_HOSTS=["api.example"]):
        assert is_same_site("https://app.example", "api.example") is True
        assert is_same_site("https://api.example", "api.example") is True
        assert is_same_site("https://other.example", "api.example") is False
        assert is_same_site("https://app.example", "evil.example") is False
