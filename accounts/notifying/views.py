"""Settings → Notifications: the matrix, hours, ways to a person, the log; and what a browser and Telegram ask."""

from __future__ import annotations

import hmac
from uuid import UUID

import orjson
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts.notifying.channels import telegram
from accounts.notifying.forms import HoursForm, PhoneCodeForm, PhoneForm, posted_choices
from accounts.notifying.models import Channel
from accounts.notifying.selectors import (
    channel_states,
    deliveries_of,
    matrix_of,
    reach_of,
    subscription_for_user,
    subscriptions_of,
)
from accounts.notifying.services import browsers, chats, choices, phones
from accounts.notifying.vapid import public_key
from accounts.registry import describe
from accounts.requests import SignedInRequest
from common.errors import DomainError
from common.forms import show_refusal

PAGE_SIZE = 25
_MOST_BYTES = 100_000
_HERE = "accounts:notification_settings"


def _shown(request: SignedInRequest, status: int = 200, **more: object) -> HttpResponse:
    reach = reach_of(request.user)
    facts = {
        "matrix": matrix_of(request.user),
        "channels": Channel.choices,
        "states": channel_states(request.user),
        "reach": reach,
        "browsers": subscriptions_of(request.user),
        "push_key": public_key(),
        "hours": HoursForm(reach=reach),
        "phone": PhoneForm(),
        "phone_code": PhoneCodeForm(),
        **more,
    }
    return render(request, "accounts/notification_settings.html", facts, status=status)


@never_cache
@require_safe
@login_required
def notification_settings(request: SignedInRequest) -> HttpResponse:
    return _shown(request)


@require_POST
@login_required
def choose_channels(request: SignedInRequest) -> HttpResponse:
    choices.choose_channels(user=request.user, choices=posted_choices(request.user, request.POST))
    messages.success(request, "Your choices are saved.")
    return redirect(_HERE)


@require_POST
@login_required
def set_hours(request: SignedInRequest) -> HttpResponse:
    form = HoursForm(request.POST, reach=reach_of(request.user))
    if form.is_valid():
        try:
            choices.set_hours(user=request.user, **form.cleaned_data)
        except DomainError as error:
            show_refusal(form, error)
    if form.errors:
        return _shown(request, 400, hours=form)
    messages.success(request, "Your hours are saved.")
    return redirect(_HERE)


@require_POST
@login_required
def test_notification(request: SignedInRequest) -> HttpResponse:
    try:
        choices.send_test(user=request.user)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "A test is on its way; the log shows what comes of it.")
    return redirect(_HERE)


@require_safe
@login_required
def delivery_log(request: SignedInRequest) -> HttpResponse:
    page = Paginator(deliveries_of(request.user), PAGE_SIZE).get_page(request.GET.get("page"))
    rows = [(one, describe(one.notification.event, one.notification.context)) for one in page]
    return render(request, "accounts/delivery_log.html", {"page": page, "rows": rows})


@require_POST
@login_required
def subscribe_browser(request: SignedInRequest) -> HttpResponse:
    """Take what the browser's own `PushSubscription.toJSON()` says, from frontend/src/ui/push.js."""
    told = _json(request)
    keys = told.get("keys") if isinstance(told.get("keys"), dict) else {}
    assert isinstance(keys, dict)
    given = {"endpoint": told.get("endpoint"), "p256dh": keys.get("p256dh"), "auth": keys.get("auth")}
    limits = {"endpoint": 1000, "p256dh": 120, "auth": 40}
    if any(not isinstance(one, str) or len(one) > limits[name] for name, one in given.items()):
        raise DomainError("PUSH_KEYS_INVALID", "Send an endpoint and its keys.")
    label = browser_name(request.headers.get("User-Agent", ""))
    made = browsers.subscribe_browser(user=request.user, label=label, **{k: str(v) for k, v in given.items()})
    return JsonResponse({"id": str(made.pk)}, status=201)


def browser_name(user_agent: str) -> str:
    """Return a browser in words, as the log of sign-ins has it."""
    from accounts.models import SignIn

    return SignIn(user_agent=user_agent[:300]).browser


@require_POST
@login_required
def forget_browser(request: SignedInRequest, browser_id: UUID) -> HttpResponse:
    browsers.forget_browser(subscription=subscription_for_user(request.user, browser_id))
    messages.success(request, "That browser is told nothing any more.")
    return redirect(_HERE)


@never_cache
@require_POST
@login_required
def link_telegram(request: SignedInRequest) -> HttpResponse:
    """Show a new code in the answer, this once."""
    try:
        code = chats.begin_linking(user=request.user)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect(_HERE)
    return _shown(request, telegram_code=code, telegram_link=chats.link_address(code))


@require_POST
@login_required
def unlink_telegram(request: SignedInRequest) -> HttpResponse:
    chats.unlink_chat(user=request.user)
    messages.success(request, "Nothing is sent to Telegram any more.")
    return redirect(_HERE)


@require_POST
@login_required
def name_phone(request: SignedInRequest) -> HttpResponse:
    form = PhoneForm(request.POST)
    if form.is_valid():
        try:
            phones.name_number(user=request.user, number=form.cleaned_data["number"])
        except DomainError as error:
            show_refusal(form, error)
    return _shown(request, 400, phone=form) if form.errors else redirect(_HERE)


@require_POST
@login_required
def verify_phone(request: SignedInRequest) -> HttpResponse:
    form = PhoneCodeForm(request.POST)
    if form.is_valid():
        try:
            phones.verify_number(user=request.user, code=form.cleaned_data["code"])
        except DomainError as error:
            show_refusal(form, error)
    if form.errors:
        return _shown(request, 400, phone_code=form)
    messages.success(request, "Your phone number is confirmed.")
    return redirect(_HERE)


@require_POST
@login_required
def forget_phone(request: SignedInRequest) -> HttpResponse:
    phones.forget_number(user=request.user)
    messages.success(request, "Your phone number is forgotten.")
    return redirect(_HERE)


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """Serve what a browser keeps to hear of notifications: from the site's root, since its scope is where it lies."""
    text = (settings.BASE_DIR / "frontend" / "src" / "service_worker.js").read_bytes()
    answer = HttpResponse(text, content_type="text/javascript; charset=utf-8")
    answer["Cache-Control"] = "no-cache"
    return answer


@csrf_exempt
@require_POST
def telegram_webhook(request: HttpRequest) -> HttpResponse:
    """Hear from Telegram what was written to the bot; who does not know the secret finds nothing here."""
    given, secret = request.headers.get("X-Telegram-Bot-Api-Secret-Token", ""), settings.TELEGRAM_WEBHOOK_SECRET
    if not secret or not settings.TELEGRAM_BOT_TOKEN or not hmac.compare_digest(given.encode(), secret.encode()):
        return HttpResponse(status=404)
    said = telegram.parsed(_json(request))
    if said is not None:
        chats.hear(said)
    return HttpResponse(status=204)


def _json(request: HttpRequest) -> dict[str, object]:
    try:
        found = orjson.loads(request.body) if len(request.body) <= _MOST_BYTES else None
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise DomainError("BODY_INVALID", "Send a JSON object.")
    return found
