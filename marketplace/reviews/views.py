"""The pages of reviews: a listing's, one's own to write, a lead's to answer, anybody's to report."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.requests import SignedInRequest
from common.errors import DomainError
from common.forms import show_refusal
from marketplace.models import Listing
from marketplace.reviews.forms import AnswerForm, ReportForm, ReviewForm
from marketplace.reviews.selectors import (
    FEWEST_DAYS,
    own_review,
    review_for_lead,
    review_for_reader,
    reviewable_follow,
    reviews_of,
)
from marketplace.reviews.services import answer_review, report_review, write_review
from marketplace.selectors import listing_for_reader

PAGE_SIZE = 10
_READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])


def reviews_section(request: HttpRequest, listing: Listing) -> dict[str, Any]:
    """Return what the section of reviews on a listing's page shows."""
    return {
        "reviews": Paginator(reviews_of(listing), PAGE_SIZE).get_page(request.GET.get("page")),
        "may_review": reviewable_follow(request.user, listing) is not None,
    }


@require_safe
def reviews(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """A page of a listing's reviews."""
    listing = listing_for_reader(request.user, listing_id)
    facts = {"listing": listing, "is_owner": listing.owner_id == request.user.pk, **reviews_section(request, listing)}
    return render(request, "marketplace/reviews/list.html", facts)


@_READ_OR_WRITE
@login_required
def write(request: SignedInRequest, listing_id: UUID) -> HttpResponse:
    """Write, or change, one's own review."""
    listing = listing_for_reader(request.user, listing_id)
    mine = own_review(request.user, listing)
    initial = {} if mine is None else {"stars": mine.stars, "text": mine.text}
    form = ReviewForm(request.POST or None, initial=initial)
    if form.is_valid():
        try:
            write_review(author=request.user, listing=listing, **form.cleaned_data)
        except DomainError as error:
            show_refusal(form, error)
        else:
            messages.success(request, "Your review is there for everybody to read.")
            return redirect("marketplace:detail", listing.pk)
    may_write = reviewable_follow(request.user, listing) is not None
    facts = {"listing": listing, "form": form, "review": mine, "may_write": may_write, "fewest_days": FEWEST_DAYS}
    return render(request, "marketplace/reviews/write.html", facts, status=400 if form.errors else 200)


@_READ_OR_WRITE
@login_required
def answer(request: SignedInRequest, review_id: UUID) -> HttpResponse:
    """Answer a review of one's own listing."""
    review = review_for_lead(request.user, review_id)
    form = AnswerForm(request.POST if request.method == "POST" else None, initial={"text": review.answer})
    if form.is_valid():
        answer_review(lead=request.user, review=review, text=form.cleaned_data["text"])
        messages.success(request, "Your answer is kept.")
        return redirect("marketplace:reviews", review.listing_id)
    facts = {"form": form, "review": review, "title": "Answer a review"}
    return render(request, "marketplace/reviews/act.html", facts, status=400 if form.errors else 200)


@_READ_OR_WRITE
@login_required
def report(request: SignedInRequest, review_id: UUID) -> HttpResponse:
    """Ask operators to look at a review."""
    review = review_for_reader(request.user, review_id)
    form = ReportForm(request.POST or None)
    if form.is_valid():
        try:
            report_review(reporter=request.user, review=review, reason=form.cleaned_data["reason"])
        except DomainError as error:
            show_refusal(form, error)
        else:
            messages.success(request, "Thank you: an operator will look at it.")
            return redirect("marketplace:reviews", review.listing_id)
    facts = {"form": form, "review": review, "title": "Report a review"}
    return render(request, "marketplace/reviews/act.html", facts, status=400 if form.errors else 200)
