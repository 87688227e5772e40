"""Web Push in a real browser: allowed, subscribed, told by the site's own message through the real worker, and unsubscribed.

A push service is the one part that no machine without a network has. In its place the page gets a subscription whose keys
are the test's, and what the site sends to it is opened and handed to the worker as the browser would.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings as site_settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import AuditEntry, User
from accounts.notifying.models import Delivery, PushSubscription
from accounts.notifying.services.browsers import subscribe_browser
from accounts.notifying.services.delivering import deliver
from accounts.services import create_person
from tests.accounts.notifying.conftest import Browser
from tests.accounts.notifying.standin import StandIn, standing_in

# What a browser answers whose push service can be reached. What is subscribed outlives the page.
SUBSCRIBED = """
const subscription = () => localStorage.subscribed && {
  endpoint: localStorage.subscribed,
  toJSON: () => ({ endpoint: localStorage.subscribed, keys: { p256dh: "P256DH", auth: "AUTH" } }),
  unsubscribe: async () => localStorage.removeItem("subscribed"),
};
PushManager.prototype.getSubscription = async () => subscription() || null;
PushManager.prototype.subscribe = async (options) => {
  if (!options.userVisibleOnly || options.applicationServerKey.length !== 65) throw new Error("not so");
  localStorage.subscribed = "ENDPOINT";
  return subscription();
};
"""


@pytest.fixture
def dora(transactional_db: None) -> User:
    return create_person(email="dora@example.org", password="correct horse 7")


@pytest.fixture
def here(context: BrowserContext, page: Page, live_server: LiveServer, dora: User) -> str:
    """Where somebody who is signed in chooses how to be told; by a name, since addresses of numbers have no worker."""
    site = f"http://localhost:{urlsplit(live_server.url).port}"
    client = Client()
    client.force_login(dora)
    name = site_settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": site}])
    return f"{site}/settings/notifications/settings/"


@pytest.fixture
def stand_in(settings: Settings) -> Iterator[StandIn]:
    """The push service, to which the site may send although it is this machine."""
    settings.WEBHOOKS_INSECURE = True
    with standing_in() as made:
        yield made


@pytest.fixture
def keys() -> Browser:
    return Browser(ec.generate_private_key(ec.SECP256R1()), b"0123456789abcdef")


@pytest.fixture
def subscribable(context: BrowserContext, page: Page, here: str, stand_in: StandIn, keys: Browser) -> Page:
    """The page in a browser that is allowed to tell and whose push service can be reached."""
    context.grant_permissions(["notifications"])
    script = SUBSCRIBED.replace("P256DH", keys.p256dh).replace("AUTH", keys.auth)
    page.add_init_script(script.replace("ENDPOINT", f"{stand_in.url}/push/1"))
    page.goto(here)
    page.get_by_role("button", name="Tell this browser", exact=True).click()
    expect(page.get_by_text("This one")).to_be_visible()
    return page


def test_a_browser_is_subscribed_told_and_told_no_more(
    subscribable: Page, here: str, dora: User, stand_in: StandIn, keys: Browser
) -> None:
    page = subscribable
    kept = PushSubscription.objects.get()
    assert (kept.user, kept.endpoint, kept.p256dh) == (dora, f"{stand_in.url}/push/1", keys.p256dh)

    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("A test is on its way")).to_be_visible()
    assert deliver(delivery_id=Delivery.objects.get(channel="PUSH").pk)
    (asked,) = [one for one in stand_in.asked if one.path == "/push/1"]
    shown = pushed(page, here, keys.opened(asked.body).decode())
    tag = str(Delivery.objects.get(channel="PUSH").notification_id)
    (one,) = shown
    assert (one["title"], one["tag"], one["url"]) == ("This is a test", tag, "/settings/notifications/settings/")
    assert one["body"].startswith("You asked for it")
    # A worker that dies after it has sent sends once more: the same tag, so one notification.
    assert pushed(page, here, keys.opened(asked.body).decode()) == shown

    page.get_by_role("button", name="Do not tell this browser").click()
    expect(page.get_by_text("No browser is told yet.")).to_be_visible()
    expect(page.get_by_role("button", name="Tell this browser", exact=True)).to_be_visible()
    assert not PushSubscription.objects.exists()
    assert AuditEntry.objects.filter(action__startswith="push.", actor=dora).count() == 2


def pushed(page: Page, here: str, message: str) -> list[dict[str, str]]:
    """Hand a message to the worker, as the browser does that got it, and return what is shown then."""
    session = page.context.new_cdp_session(page)
    found: list[Any] = []
    session.on("ServiceWorker.workerRegistrationUpdated", lambda told: found.extend(told["registrations"]))
    session.send("ServiceWorker.enable")
    page.wait_for_function("navigator.serviceWorker.ready.then((one) => one.active?.state === 'activated')")
    origin = f"{urlsplit(here).scheme}://{urlsplit(here).netloc}"
    (registration,) = [one for one in found if one["scopeURL"] == f"{origin}/"]
    sent = {"origin": origin, "registrationId": registration["registrationId"], "data": message}
    session.send("ServiceWorker.deliverPushMessage", sent)
    told = page.wait_for_function(
        """async () => {
          const shown = await (await navigator.serviceWorker.ready).getNotifications();
          return shown.length > 0 && JSON.stringify(
            shown.map(({ title, body, tag, data }) => ({ title, body, tag, url: data.url })));
        }"""
    )
    found_now: list[dict[str, str]] = json.loads(told.json_value())
    return found_now


def test_a_notification_opens_pages_of_this_site_alone(context: BrowserContext, page: Page, here: str) -> None:
    page.goto(here)
    with context.expect_event("serviceworker") as begun:
        page.evaluate("navigator.serviceWorker.register('/sw.js', { scope: '/' })")
    found = begun.value.evaluate(
        """async (urls) => {
          const opened = [];
          Object.defineProperty(self.clients, "openWindow", { value: async (one) => opened.push(one) });
          for (const url of urls) {
            const event = new ExtendableEvent("notificationclick");
            event.notification = { data: { url }, close: () => {} };
            self.dispatchEvent(event);
          }
          return opened;
        }""",
        ["/follows/7/", "", "https://evil.example/", "//evil.example/", "javascript:alert(1)"],
    )
    site = f"http://{urlsplit(here).netloc}"
    assert found == [f"{site}/follows/7/", f"{site}/", site, site, site]


def test_a_browser_that_allows_none_is_told_why(page: Page, here: str) -> None:
    page.add_init_script("Notification.requestPermission = async () => 'denied';")
    page.goto(here)
    page.get_by_role("button", name="Tell this browser").click()
    expect(page.get_by_text("This browser does not allow notifications of this site")).to_be_visible()
    assert not PushSubscription.objects.exists()


def test_a_browser_that_was_removed_from_elsewhere_can_be_subscribed_again(
    subscribable: Page, dora: User, stand_in: StandIn, keys: Browser
) -> None:
    page = subscribable
    PushSubscription.objects.all().delete()
    other = f"{stand_in.url}/push/2"
    subscribe_browser(user=dora, endpoint=other, p256dh=keys.p256dh, auth=keys.auth, label="Firefox")
    page.reload()
    expect(page.get_by_role("button", name="Tell this browser", exact=True)).to_be_visible()
    expect(page.get_by_text("This one")).to_be_hidden()
