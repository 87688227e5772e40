"""The settings pages: one's own only, and nothing by GET."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import ApiToken, Notification, User
from accounts.notifying.models import ChannelChoice, Reach
from accounts.notifying.services.chats import begin_linking
from accounts.privacy.models import Departure
from accounts.selectors import user_from_token
from accounts.services import issue_token, notify, record_sign_in
from common.ids import new_id
from tests.accounts.conftest import Wall

PAGES = ["profile", "tokens", "notifications", "notification_settings", "delivery_log", "activity", "data"]
ACTS = ["read_all", "request_archive", "leave"]


@pytest.fixture
def pages(alice: User, client: Client) -> Client:
    """Alice's browser."""
    client.force_login(alice)
    return client


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_shown_to_people_only(name: str, pages: Client) -> None:
    address = reverse(f"accounts:{name}")
    answer = Client().get(address)
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={address}")
    shown = pages.get(address)
    assert shown.status_code == 200
    policy = shown["Content-Security-Policy"]
    assert "script-src 'self'" in policy.split("; ")
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", ACTS)
def test_nobody_acts_and_a_link_does_nothing(name: str, pages: Client, alice: User) -> None:
    notify(user=alice, event="test.happened", context={})
    address = reverse(f"accounts:{name}")
    assert Client().post(address).status_code == 302
    assert pages.get(address).status_code == 405
    assert Client(enforce_csrf_checks=True).post(address).status_code == 403
    assert Notification.objects.filter(read_at=None).count() == 1
    alice.refresh_from_db()
    assert alice.is_active is True


def test_the_profile_is_saved(pages: Client, alice: User) -> None:
    form = {"display_name": "Alice W.", "handle": "alice_w", "bio": "I trade pears."}
    assert pages.post(reverse("accounts:profile"), form)["Location"] == reverse("accounts:profile")
    assert "Alice W." in pages.get(reverse("accounts:profile")).content.decode()
    alice.profile.refresh_from_db()
    assert (alice.profile.display_name, alice.profile.handle, alice.profile.bio) == tuple(form.values())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"handle": "bob"}, "Somebody else has this handle: choose another."),
        ({"handle": "A B"}, "A handle has 3 to 30 characters of a–z, 0–9 and _."),
        ({"display_name": ""}, "This field is required."),
    ],
)
def test_an_unfit_profile_is_refused_in_words(
    pages: Client, alice: User, bob: User, change: dict[str, str], sentence: str
) -> None:
    answer = pages.post(reverse("accounts:profile"), {"display_name": "Alice", "handle": "alice", **change})
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    alice.profile.refresh_from_db()
    assert (alice.profile.display_name, alice.profile.handle) == ("alice", "alice")


def test_a_new_token_is_shown_once(pages: Client, alice: User) -> None:
    answer = pages.post(reverse("accounts:tokens"), {"name": "bot", "days": "30", "scopes": ["read"]})
    found = re.search(r"<code>(slip_[\w-]{43})</code>", answer.content.decode())
    assert found is not None
    assert user_from_token(found[1]) == alice
    assert answer["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    again = pages.get(reverse("accounts:tokens")).content.decode()
    assert found[1] not in again
    assert f"{found[1][:12]}…" in again


def test_a_token_expires_when_its_maker_said(pages: Client, wall: Wall) -> None:
    pages.post(reverse("accounts:tokens"), {"name": "month", "days": "30", "scopes": ["read"]})
    pages.post(reverse("accounts:tokens"), {"name": "ever", "days": "0", "scopes": ["read"]})
    expiries = dict(ApiToken.objects.values_list("name", "expires_at"))
    assert expiries == {"month": wall.now + timedelta(days=30), "ever": None}


def test_an_unfit_token_form_issues_nothing(pages: Client, alice: User) -> None:
    for form in ({"name": "", "days": "30", "scopes": ["read"]}, {"name": "bot", "days": "31"}, {"name": "bot"}):
        assert pages.post(reverse("accounts:tokens"), form).status_code == 400
    assert ApiToken.objects.count() == 0
    for number in range(10):
        issue_token(user=alice, name=str(number))
    answer = pages.post(reverse("accounts:tokens"), {"name": "one more", "days": "30", "scopes": ["read"]})
    assert answer.status_code == 400
    assert "Your plan (Free) allows 10 API tokens" in answer.content.decode()
    assert ApiToken.objects.count() == 10


def test_a_token_is_revoked_by_its_owner_alone(pages: Client, alice: User, bob: User, charlie: User) -> None:
    token, _ = issue_token(user=alice, name="bot")
    address = reverse("accounts:revoke", args=[token.pk])
    for stranger in (bob, charlie):
        browser = Client()
        browser.force_login(stranger)
        assert browser.post(address).status_code == 404
    assert Client().post(address).status_code == 302
    assert pages.get(address).status_code == 405
    assert ApiToken.objects.get(pk=token.pk).revoked_at is None
    assert pages.post(reverse("accounts:revoke", args=[new_id()])).status_code == 404
    assert pages.post(address).status_code == 302
    assert ApiToken.objects.get(pk=token.pk).revoked_at is not None
    assert "bot" not in re.findall(
        r'<th scope="row">(.*?)</th>', pages.get(reverse("accounts:tokens")).content.decode()
    )


def test_notifications_are_shown_and_marked_by_whom_they_are_for(pages: Client, alice: User, bob: User) -> None:
    mine = notify(user=alice, event="test.stopped", context={})
    notify(user=alice, event="test.started", context={})
    his = notify(user=bob, event="test.frozen", context={})
    shown = pages.get(reverse("accounts:notifications")).content.decode()
    assert "Test stopped" in shown
    assert "Test frozen" not in shown
    pages.post(reverse("accounts:read_one", args=[mine.pk]))
    pages.post(reverse("accounts:read_one", args=[his.pk]))
    assert [one.event for one in Notification.objects.filter(read_at=None).order_by("id")] == [
        "test.started",
        "test.frozen",
    ]
    pages.post(reverse("accounts:read_all"))
    assert Notification.objects.filter(read_at=None).get() == his


def test_what_an_event_says_is_text_not_markup(pages: Client, alice: User) -> None:
    notify(user=alice, event="<script>alert(1)</script>", context={})
    shown = pages.get(reverse("accounts:notifications")).content.decode()
    assert "<script>alert(1)" not in shown
    assert "&lt;script&gt;" in shown


def test_activity_shows_ones_own_sign_ins_and_acts(pages: Client, alice: User, bob: User) -> None:
    issue_token(user=alice, name="bot")
    issue_token(user=bob, name="his")
    record_sign_in(email="alice@example.org", user=None, succeeded=False)
    shown = pages.get(reverse("accounts:activity")).content.decode()
    assert "Refused" in shown
    assert shown.count("Token issued") == 1


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"password": "wrong", "understood": "on"}, "This is not your password."),
        ({"password": "correct horse"}, "This field is required."),
        ({"understood": "on"}, "This field is required."),
    ],
)
def test_leaving_takes_a_password_and_a_tick(pages: Client, alice: User, form: dict[str, str], sentence: str) -> None:
    answer = pages.post(reverse("accounts:leave"), form)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    alice.refresh_from_db()
    assert (alice.is_active, alice.email) == (True, "alice@example.org")


def test_who_leaves_has_a_week_to_think_better_of_it(pages: Client, alice: User, bob: User) -> None:
    form = {"password": "correct horse", "understood": "on", "holdings": "KEEP"}
    assert pages.post(reverse("accounts:leave"), form).status_code == 302
    departure = Departure.objects.get()
    assert (departure.user, departure.keeps_holdings) == (alice, True)
    shown = pages.get(reverse("accounts:data")).content.decode()
    assert "Your account is being closed" in shown and "Close my account" not in shown
    pages.post(reverse("accounts:stay"))
    assert Departure.objects.count() == 0
    alice.refresh_from_db()
    assert (alice.is_active, alice.email) == (True, "alice@example.org")


def test_the_matrix_keeps_what_is_ticked_and_cannot_switch_off_what_is_locked(pages: Client, alice: User) -> None:
    shown = pages.get(reverse("accounts:notification_settings")).content.decode()
    assert 'name="account.leaving|MAIL"' in shown
    pages.post(reverse("accounts:choose_channels"), {"webhook.disabled|SMS": "on"})
    made = set(ChannelChoice.objects.filter(user=alice, is_on=True).values_list("event", "channel"))
    assert made == {("webhook.disabled", "SMS")}
    off = set(ChannelChoice.objects.filter(user=alice, is_on=False).values_list("event", "channel"))
    assert ("webhook.disabled", "MAIL") in off and ("account.leaving", "MAIL") not in off


def test_the_worker_of_browsers_is_served_from_the_root(client: Client) -> None:
    answer = client.get("/sw.js")
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert b"showNotification" in answer.content
    assert "script-src 'self'" in answer["Content-Security-Policy"]


def test_telegram_alone_is_heard(client: Client, alice: User, settings: Settings) -> None:
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_WEBHOOK_SECRET = "77:secret", "hush"
    settings.TELEGRAM_API_BASE = "http://127.0.0.1:9"
    code = begin_linking(user=alice)
    update = {"update_id": 1, "message": {"text": f"/start {code}", "chat": {"id": 5, "type": "private"}}}
    for headers, status in (({}, 404), ({"X-Telegram-Bot-Api-Secret-Token": "hash"}, 404)):
        sent = client.post("/webhooks/telegram/", update, content_type="application/json", headers=headers)
        assert sent.status_code == status
    assert Reach.objects.get(pk=alice.pk).telegram_chat == ""
    known = {"X-Telegram-Bot-Api-Secret-Token": "hush"}
    sent = client.post("/webhooks/telegram/", update, content_type="application/json", headers=known)
    assert (sent.status_code, Reach.objects.get(pk=alice.pk).telegram_chat) == (204, "5")
