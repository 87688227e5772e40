"""Settings → Webhooks: the endpoints, one with its log, and what may be done with them."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import SignedInRequest
from accounts.webhooks import services
from accounts.webhooks.forms import EndpointForm
from accounts.webhooks.models import WebhookEndpoint
from accounts.webhooks.selectors import deliveries_of, delivery_for_user, endpoint_for_user, endpoints_of
from common.errors import DomainError
from common.forms import show_refusal

PAGE_SIZE = 25


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def endpoints(request: SignedInRequest) -> HttpResponse:
    """List the endpoints; the secret of a new one is shown in the answer to its form, this once."""
    form, secret = EndpointForm(request.POST or None), None
    if form.is_valid():
        try:
            _, secret = services.create_endpoint(user=request.user, **form.cleaned_data)
            form = EndpointForm()
        except DomainError as error:
            show_refusal(form, error, {"WEBHOOK_URL_INVALID": "url", "WEBHOOK_EVENTS_INVALID": "events"})
    facts = {"form": form, "secret": secret, "endpoints": endpoints_of(request.user)}
    return render(request, "accounts/webhooks.html", facts, status=400 if form.errors else 200)


@require_safe
@login_required
def endpoint(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    return _shown(request, endpoint_for_user(request.user, endpoint_id))


def _shown(request: SignedInRequest, found: WebhookEndpoint, secret: str | None = None) -> HttpResponse:
    page = Paginator(deliveries_of(found), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "accounts/webhook.html", {"endpoint": found, "page": page, "secret": secret})


@never_cache
@require_POST
@login_required
def rotate(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    """Make a new secret and show it in the answer, this once."""
    found = endpoint_for_user(request.user, endpoint_id)
    return _shown(request, found, services.rotate_secret(actor=request.user, endpoint=found))


@require_POST
@login_required
def test(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    found = endpoint_for_user(request.user, endpoint_id)
    try:
        services.send_test(endpoint=found)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "A test event is on its way; the log shows what comes of it.")
    return redirect("accounts:webhook", found.pk)


@require_POST
@login_required
def enable(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    found = endpoint_for_user(request.user, endpoint_id)
    services.enable_endpoint(actor=request.user, endpoint=found)
    messages.success(request, "Events are sent to this webhook again.")
    return redirect("accounts:webhook", found.pk)


@require_POST
@login_required
def delete(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    services.delete_endpoint(actor=request.user, endpoint=endpoint_for_user(request.user, endpoint_id))
    messages.success(request, "The webhook is deleted.")
    return redirect("accounts:webhooks")


@require_POST
@login_required
def redeliver(request: SignedInRequest, delivery_id: UUID) -> HttpResponse:
    delivery = delivery_for_user(request.user, delivery_id)
    try:
        services.redeliver(delivery=delivery)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "It is sent once more.")
    return redirect("accounts:webhook", delivery.endpoint_id)
