"""The ways to a person against a real HTTP server: what goes out, what comes of each answer, and what must never go out."""

from __future__ import annotations

import json
import logging
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qs

import pytest
from pytest_django import Settings

from accounts.models import AuditEntry, User
from accounts.notifying.channels import telegram
from accounts.notifying.models import Delivery, PushSubscription, Reach
from accounts.notifying.services import chats, phones
from accounts.notifying.services.browsers import subscribe_browser
from accounts.notifying.services.delivering import deliver
from accounts.notifying.vapid import public_key
from accounts.services import notify
from common.errors import DomainError
from tests.accounts.conftest import NOON, Wall
from tests.accounts.notifying.conftest import Browser
from tests.accounts.notifying.standin import StandIn

FACTS = {"name": "Ema", "count": 3, "id": "7"}


def told(user: User, channel: str, event: str = "test.stopped") -> tuple[bool, Delivery]:
    """Tell somebody on one channel; return whether it went out, and its row."""
    notify(user=user, event=event, context=FACTS)
    row = Delivery.objects.filter(user=user, channel=channel).latest("pk")
    return deliver(delivery_id=row.pk), Delivery.objects.get(pk=row.pk)


def subscribed(user: User, browser: Browser, stand_in: StandIn, path: str = "/push/1") -> PushSubscription:
    return subscribe_browser(
        user=user, endpoint=stand_in.url + path, p256dh=browser.p256dh, auth=browser.auth, label="Firefox"
    )


# --- browsers -------------------------------------------------------------------------------------------------------
def test_a_browser_alone_can_read_what_it_is_told(alice: User, stand_in: StandIn, browser: Browser, wall: Wall) -> None:
    subscribed(alice, browser, stand_in)
    went, row = told(alice, "PUSH", "test.alarm")
    assert (went, row.state) == (True, "DELIVERED")
    (asked,) = stand_in.asked
    assert b"Alarm" not in asked.body
    shown = json.loads(browser.opened(asked.body))
    assert shown == {"title": "Alarm", "body": "", "url": "", "tag": str(row.notification_id)}
    headers = {name: asked.headers[name] for name in ("Content-Encoding", "TTL", "Urgency")}
    assert headers == {"Content-Encoding": "aes128gcm", "TTL": "86400", "Urgency": "high"}
    scheme, _, rest = asked.headers["Authorization"].partition(" ")
    token, key = (part.partition("=")[2] for part in rest.split(","))
    claims = json.loads(b64decode(token.split(".")[1] + "==", altchars=b"-_"))
    assert (scheme, key) == ("vapid", public_key())
    assert (claims["aud"], claims["exp"]) == (stand_in.url, int(NOON.timestamp()) + 43_200)
    assert claims["sub"] == "mailto:no-reply@localhost"


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_forgotten(alice: User, stand_in: StandIn, browser: Browser, status: int) -> None:
    subscribed(alice, browser, stand_in)
    kept = subscribed(alice, browser, stand_in, "/push/2")
    stand_in.status = status
    notify(user=alice, event="test.stopped", context=FACTS)
    row = Delivery.objects.filter(channel="PUSH").exclude(target=str(kept.pk)).get()
    assert deliver(delivery_id=row.pk) is False
    row.refresh_from_db()
    assert (row.state, row.error) == ("FAILED", "The browser has ended its subscription.")
    assert list(PushSubscription.objects.all()) == [kept]


def test_a_busy_push_service_is_asked_again(alice: User, stand_in: StandIn, browser: Browser) -> None:
    subscribed(alice, browser, stand_in)
    stand_in.status = 503
    went, row = told(alice, "PUSH")
    assert (went, row.state, row.error) == (False, "PENDING", "The browser's push service answered 503.")
    assert row.due_at > row.planned_at


def test_no_browser_leads_into_a_private_network(
    alice: User, stand_in: StandIn, browser: Browser, settings: Settings
) -> None:
    held = subscribed(alice, browser, stand_in)
    settings.WEBHOOKS_INSECURE = False
    with pytest.raises(DomainError, match="PUSH_ENDPOINT_INVALID"):
        subscribed(alice, browser, stand_in, "/push/2")
    PushSubscription.objects.filter(pk=held.pk).update(endpoint=f"https://127.0.0.1:{stand_in.port}/push/1")
    went, row = told(alice, "PUSH")
    assert (went, row.error) == (
        False,
        "This address leads into a private network, where nothing is sent.",
    )
    assert stand_in.asked == []


def test_a_browser_is_whose_it_was_last_and_nobody_else_takes_it(
    alice: User, bob: User, stand_in: StandIn, browser: Browser
) -> None:
    held = subscribed(alice, browser, stand_in)
    assert subscribed(alice, browser, stand_in).pk == held.pk
    with pytest.raises(DomainError, match="PUSH_TAKEN"):
        subscribe_browser(
            user=bob, endpoint=held.endpoint, p256dh=browser.p256dh, auth="AAAAAAAAAAAAAAAAAAAAAA", label="Eve"
        )
    notify(user=alice, event="test.stopped", context=FACTS)
    row = Delivery.objects.get(channel="PUSH")
    assert subscribed(bob, browser, stand_in).user == bob
    # What was planned for alice is not shown to bob.
    assert deliver(delivery_id=row.pk) is False
    assert stand_in.asked == []
    with pytest.raises(DomainError, match="PUSH_KEYS_INVALID"):
        subscribe_browser(user=bob, endpoint=held.endpoint, p256dh="AAAA", auth=browser.auth, label="x")


# --- Telegram -------------------------------------------------------------------------------------------------------
def said(chat: int, text: str, update: int = 1, kind: str = "private") -> dict[str, Any]:
    message = {"text": text, "chat": {"id": chat, "type": kind, "username": "al"}}
    return {"update_id": update, "message": message}


def test_a_chat_is_linked_by_a_code_that_counts_once(
    alice: User, bob: User, stand_in: StandIn, fresh_counts: None
) -> None:
    code = chats.begin_linking(user=alice)
    news = [
        said(5, "/start"),
        said(6, f"/start {code}", 2, "group"),
        said(5, f"/start {code}", 3),
        said(7, f"/start {code}", 4),
    ]
    stand_in.answers = [(200, {"ok": True, "result": news}, {})]
    assert chats.poll() == 3
    reach = Reach.objects.get(pk=alice.pk)
    assert (reach.telegram_chat, reach.telegram_name, reach.telegram_code) == ("5", "@al", "")
    # The last question confirms what was heard.
    assert (stand_in.asked[-1].path, stand_in.asked[-1].json["offset"]) == ("/bot77:secret/getUpdates", 5)
    answers = [(one.json["chat_id"], one.json["text"][:6]) for one in stand_in.asked if "sendMessage" in one.path]
    assert answers == [("5", "Send /"), ("5", "Linked"), ("7", "This c")]
    assert code not in json.dumps(list(AuditEntry.objects.values("action", "after")))
    went, row = told(alice, "TELEGRAM")
    assert (went, row.state) == (True, "DELIVERED")
    sent = stand_in.asked[-1].json
    assert (sent["chat_id"], sent["text"]) == (
        "5",
        "Ema stopped\n\nIt had 3 orders.\n\nhttp://127.0.0.1:8000/follows/7/",
    )
    # Nobody waits any more: nothing is asked.
    before = len(stand_in.asked)
    assert (chats.poll(), len(stand_in.asked)) == (0, before)


def test_a_late_code_links_nothing(alice: User, stand_in: StandIn, wall: Wall, fresh_counts: None) -> None:
    code = chats.begin_linking(user=alice)
    wall.pass_by(minutes=15)
    update = said(5, f"/start {code}")
    heard = telegram.parsed(update)
    assert heard is not None
    chats.hear(heard)
    assert Reach.objects.get(pk=alice.pk).telegram_chat == ""


def test_telegram_says_when_to_come_back_and_when_never(
    alice: User, stand_in: StandIn, wall: Wall, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    Reach.objects.create(user=alice, telegram_chat="5", telegram_name="@al")
    stand_in.answers = [(429, {"ok": False, "parameters": {"retry_after": 600}}, {})]
    went, row = told(alice, "TELEGRAM")
    assert (went, row.state, row.error) == (False, "PENDING", "Telegram answered 429.")
    assert 600 <= (row.due_at - NOON).total_seconds() <= 660
    stand_in.answers = [(403, {"ok": False}, {})]
    went, row = told(alice, "TELEGRAM")
    assert (went, row.state, row.error) == (False, "FAILED", "The bot is blocked, or the chat is closed.")
    assert Reach.objects.get(pk=alice.pk).telegram_chat == ""
    assert "77:secret" not in caplog.text


def test_no_answer_names_no_secret(alice: User, settings: Settings, stand_in: StandIn) -> None:
    settings.TELEGRAM_API_BASE = "http://127.0.0.1:9"
    Reach.objects.create(user=alice, telegram_chat="5")
    _, row = told(alice, "TELEGRAM")
    assert (row.state, row.error) == ("PENDING", "No answer of Telegram (NewConnectionError).")


# --- SMS ------------------------------------------------------------------------------------------------------------
def test_a_number_is_proved_by_its_code(alice: User, stand_in: StandIn, fresh_counts: None) -> None:
    phones.name_number(user=alice, number="+49 170 / 1234567")
    assert phones.send_code(user_id=alice.pk) is True
    assert phones.send_code(user_id=alice.pk) is False
    (asked,) = stand_in.asked
    assert asked.path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert b64decode(asked.headers["Authorization"].partition(" ")[2]) == b"AC1:hush"
    sent = {name: one[0] for name, one in parse_qs(asked.body.decode()).items()}
    assert (sent["To"], sent["From"]) == ("+491701234567", "+15550100")
    code = sent["Body"][:6]
    assert told_sms(alice) == []
    wrong = "000000" if code != "000000" else "111111"
    with pytest.raises(DomainError, match="CODE_WRONG"):
        phones.verify_number(user=alice, code=wrong)
    phones.verify_number(user=alice, code=code)
    with pytest.raises(DomainError, match="CODE_WRONG"):
        phones.verify_number(user=alice, code=code)
    assert told_sms(alice) == ["+491701234567"]


def told_sms(user: User) -> list[str]:
    """Tell somebody of something critical; return the numbers to which an SMS went."""
    notify(user=user, event="test.alarm", context={})
    return list(Delivery.objects.filter(user=user, channel="SMS").values_list("user__reach__phone", flat=True))


def test_a_code_is_void_after_five_tries_or_ten_minutes(
    alice: User, stand_in: StandIn, wall: Wall, fresh_counts: None
) -> None:
    for wait, tries in ((0, 5), (10, 0)):
        stand_in.asked.clear()
        phones.name_number(user=alice, number="+491701234567")
        phones.send_code(user_id=alice.pk)
        code = parse_qs(stand_in.asked[0].body.decode())["Body"][0][:6]
        wall.pass_by(minutes=wait)
        for _ in range(tries):
            with pytest.raises(DomainError, match="CODE_WRONG"):
                phones.verify_number(user=alice, code="x")
        with pytest.raises(DomainError, match="CODE_WRONG"):
            phones.verify_number(user=alice, code=code)
    assert Reach.objects.get(pk=alice.pk).phone_verified_at is None


def test_codes_are_not_sent_without_end(alice: User, stand_in: StandIn, wall: Wall, fresh_counts: None) -> None:
    for _ in range(3):
        phones.name_number(user=alice, number="+491701234567")
    with pytest.raises(DomainError, match="CODES_TOO_OFTEN"):
        phones.name_number(user=alice, number="+491701234567")
    with pytest.raises(DomainError, match="PHONE_INVALID"):
        phones.name_number(user=alice, number="0170 1234567")


def test_a_number_that_the_gateway_refuses_is_not_tried_again(alice: User, stand_in: StandIn) -> None:
    Reach.objects.create(user=alice, phone="+491701234567", phone_verified_at=NOON)
    stand_in.answers = [(400, {"code": 21211}, {})]
    went, row = told(alice, "SMS", "test.alarm")
    assert (went, row.state, row.error) == (False, "FAILED", "The SMS gateway does not send to this number.")
