"""The door of the processor's messages: its signature is the gate. Answered as soon as the message is stored."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from common.errors import DomainError
from marketplace.billing.services.inbox import receive_event

# The processor's largest messages are a tenth of it.
MAX_BYTES = 256 * 1024


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Store one message. What is not signed, too old, too large or of the other mode is refused, and nothing is kept of it."""
    try:
        if int(request.headers.get("Content-Length") or 0) > MAX_BYTES:
            return HttpResponse(status=413)
        receive_event(body=request.read(MAX_BYTES + 1), signature=request.headers.get("Stripe-Signature", ""))
    except (DomainError, ValueError):
        return HttpResponse(status=400)
    return HttpResponse(status=200)
