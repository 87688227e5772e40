"""The pages of one's order templates."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import SignedInRequest
from common.errors import DomainError
from common.forms import show_refusal
from trading.selectors import order_template_for_user, order_templates_of, template_instruments
from trading.services.order_templates import delete_template, save_template
from trading.template_forms import TemplateForm, shown_in_form
from trading.template_models import OrderTemplate

READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])
_FIELDS = {"NAME": "name", "TRAIL": "trail_percent"}


@require_safe
@login_required
def template_list(request: SignedInRequest) -> HttpResponse:
    return render(request, "trading/templates.html", {"templates": order_templates_of(request.user)})


@READ_OR_WRITE
@login_required
def new(request: SignedInRequest) -> HttpResponse:
    return _form(request, None)


@READ_OR_WRITE
@login_required
def edit(request: SignedInRequest, template_id: UUID) -> HttpResponse:
    return _form(request, order_template_for_user(request.user, template_id))


def _form(request: SignedInRequest, template: OrderTemplate | None) -> HttpResponse:
    """Keep what the form says and go back to the list, or show the form with what is wrong."""
    instruments = template_instruments(request.user)
    initial = shown_in_form(template) if template else None
    form = TemplateForm(request.POST or None, instruments=instruments, initial=initial)
    if form.is_valid():
        try:
            kept = save_template(actor=request.user, template=template, **form.facts())
        except DomainError as error:
            show_refusal(form, error, _FIELDS)
        else:
            messages.success(request, f"“{kept.name}” is kept; choose it above a portfolio's ticket.")
            return redirect("trading:templates")
    facts = {"form": form, "template": template}
    return render(request, "trading/template_form.html", facts, status=400 if form.errors else 200)


@require_POST
@login_required
def delete(request: SignedInRequest, template_id: UUID) -> HttpResponse:
    template = order_template_for_user(request.user, template_id)
    delete_template(actor=request.user, template=template)
    messages.success(request, f"“{template.name}” is deleted.")
    return redirect("trading:templates")
