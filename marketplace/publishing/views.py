"""The pages on which a lead writes a listing, an operator decides on it, and somebody takes a strategy."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import SignedInRequest
from common.errors import DomainError
from common.forms import show_refusal
from marketplace import selectors as listings
from marketplace.models import Listing, ListingState, Submission
from marketplace.publishing import selectors
from marketplace.publishing.content import content_from_json
from marketplace.publishing.forms import ContentForm, PictureForm, PublishForm, ReasonForm, initial_of
from marketplace.publishing.services.pictures import add_picture, remove_picture
from marketplace.publishing.services.submissions import (
    approve_submission,
    refuse_submission,
    submit_listing,
    take_back,
)
from marketplace.publishing.words import html_of
from marketplace.services.listings import (
    newest_content,
    publish_listing,
    save_draft,
    update_listing,
    use_listing,
    withdraw_listing,
)

READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])
# What codes begin with -> where they are shown.
FIELDS = {"LEAD_IS_FOLLOWING": "portfolio", "NOT_FOUND": "version", "PROFIT_SHARE": "profit_share"}
_SAID = {
    ListingState.PUBLISHED: "Published: everybody can see it from now on.",
    ListingState.SUBMITTED: "Submitted: it is public when it is through its checks. This page says how it stands.",
    ListingState.DRAFT: "Saved as a draft: only you see it.",
}


@READ_OR_WRITE
@login_required
def publish(request: SignedInRequest) -> HttpResponse:
    initial = {"portfolio": request.GET.get("portfolio")}
    if (known := _withdrawn(request, initial["portfolio"])) is not None:
        initial |= initial_of(newest_content(known))
    form = PublishForm(request.POST or None, owner=request.user, initial=initial)
    if form.is_valid():
        write = save_draft if request.POST.get("then") == "draft" else publish_listing
        try:
            listing = write(owner=request.user, **form.said())
        except DomainError as error:
            show_refusal(form, error, FIELDS)
        else:
            messages.success(request, _SAID[ListingState(listing.state)])
            return redirect("marketplace:detail", listing.pk)
    facts = {"form": form, "choices": form.has_choices(), "preview": _preview(form)}
    return render(request, "marketplace/publish.html", facts, status=400 if form.errors else 200)


def _withdrawn(request: SignedInRequest, portfolio: str | None) -> Listing | None:
    """Return the listing that the chosen portfolio has already, so that it is published again as it was."""
    found = [one for one in listings.listings_of(request.user) if str(one.portfolio_id) == portfolio]
    return found[0] if found else None


@READ_OR_WRITE
@login_required
def edit(request: SignedInRequest, listing_id: UUID) -> HttpResponse:
    listing = listings.listing_for_owner(request.user, listing_id)
    form = ContentForm(request.POST or None, owner=request.user, initial=initial_of(newest_content(listing)))
    if form.is_valid():
        said = form.said()
        changes = said.pop("changes")
        try:
            listing = _write(request, listing, said, changes)
        except DomainError as error:
            show_refusal(form, error, FIELDS)
        else:
            opened = selectors.newest_submission(listing)
            waits = opened is not None and opened.is_open
            messages.success(request, _SAID[ListingState.SUBMITTED] if waits else "Your listing is changed.")
            return redirect("marketplace:detail", listing.pk)
    facts = {
        "form": form,
        "listing": listing,
        "picture_form": PictureForm(),
        "pictures": selectors.pictures_shown(request.user, listing),
        "preview": _preview(form),
        "is_draft": listing.published_at is None,
    }
    return render(request, "marketplace/edit.html", facts, status=400 if form.errors else 200)


def _write(request: SignedInRequest, listing: Listing, said: dict[str, object], changes: str) -> Listing:
    """Store a draft, submit it, or change what is public, as the button says."""
    if listing.published_at is None and request.POST.get("then") == "publish":
        return publish_listing(owner=request.user, portfolio=listing.portfolio, **said)  # type: ignore[arg-type]
    return update_listing(actor=request.user, listing=listing, changes=changes, **said)


def _preview(form: ContentForm) -> str:
    """Return the description as readers would see it: as it was typed, or as it stands."""
    text = form.data.get("description") if form.is_bound else form.initial.get("description")
    return html_of(str(text or ""))


@require_POST
@login_required
def preview(request: SignedInRequest) -> HttpResponse:
    """Show Markdown, while it is being typed, as readers would see it."""
    words = html_of(request.POST.get("description", "")[:8_000])
    return render(request, "marketplace/publishing/_preview.html", {"preview": words})


@require_POST
@login_required
def withdraw(request: SignedInRequest, listing_id: UUID) -> HttpResponse:
    listing = listings.listing_for_owner(request.user, listing_id)
    withdraw_listing(actor=request.user, listing=listing)
    messages.success(request, "Withdrawn: nobody new may follow it, and whoever does goes on.")
    return redirect("marketplace:detail", listing.pk)


@require_POST
@login_required
def recall(request: SignedInRequest, listing_id: UUID) -> HttpResponse:
    """Take back what was submitted and is not through yet."""
    listing = take_back(actor=request.user, listing=listings.listing_for_owner(request.user, listing_id))
    messages.success(request, "Taken back: nothing of it becomes public.")
    return redirect("marketplace:detail", listing.pk)


@require_safe
def standing(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """How a submission stands, for its owner's page to ask until it is decided."""
    listing = listings.listing_for_owner(request.user, listing_id)
    facts = {"listing": listing, "submission": selectors.newest_submission(listing), "is_owner": True}
    return render(request, "marketplace/publishing/_standing.html", facts)


# --- pictures -------------------------------------------------------------------------------------------------------
@require_safe
def picture(request: HttpRequest, listing_id: UUID, digest: str) -> HttpResponse:
    """A picture's bytes. Its address is its content, so who has it need never ask again."""
    found = selectors.picture_for_reader(request.user, listing_id, digest)
    scope = "public" if found.is_public and found.listing.state == ListingState.PUBLISHED else "private"
    headers = {"Cache-Control": f"{scope}, max-age=31536000, immutable", "Content-Disposition": "inline"}
    return HttpResponse(bytes(found.data), content_type="image/webp", headers=headers)


@require_POST
@login_required
def upload(request: SignedInRequest, listing_id: UUID) -> HttpResponse:
    listing = listings.listing_for_owner(request.user, listing_id)
    form = PictureForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            data = form.cleaned_data["picture"].read()
            add_picture(actor=request.user, listing=listing, data=data, words=form.cleaned_data["words"])
            _submit_pictures(request, listing)
        except DomainError as error:
            show_refusal(form, error)
        else:
            messages.success(request, "The picture is added.")
            return redirect("marketplace:edit", listing.pk)
    facts = {"picture_form": form, "listing": listing, "pictures": selectors.pictures_shown(request.user, listing)}
    return render(request, "marketplace/publishing/pictures.html", facts, status=400)


def _submit_pictures(request: SignedInRequest, listing: Listing) -> None:
    """Have a picture of a public listing shown: it goes the way that words go."""
    if listing.state == ListingState.PUBLISHED:
        submit_listing(actor=request.user, listing=listing, content=newest_content(listing), changes="Another picture")


@require_POST
@login_required
def remove(request: SignedInRequest, listing_id: UUID, digest: str) -> HttpResponse:
    listing = listings.listing_for_owner(request.user, listing_id)
    remove_picture(actor=request.user, listing=listing, digest=digest)
    messages.success(request, "The picture is removed.")
    return redirect("marketplace:edit", listing.pk)


# --- using ----------------------------------------------------------------------------------------------------------
@require_POST
@login_required
def use(request: SignedInRequest, listing_id: UUID) -> HttpResponse:
    """Take the strategy that a listing offers."""
    listing = listings.listing_for_reader(request.user, listing_id)
    try:
        grant = use_listing(user=request.user, listing=listing)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("marketplace:detail", listing.pk)
    messages.success(request, "It is yours to use: start it on a portfolio, or try it on the past first.")
    return redirect("strategies:granted", grant.version_id)


# --- operators ------------------------------------------------------------------------------------------------------
@require_safe
@login_required
def review_queue(request: SignedInRequest) -> HttpResponse:
    """What waits for an operator."""
    rows = [_row(one, ReasonForm(auto_id=f"reason-{one.pk}-%s")) for one in selectors.review_queue(request.user)[:50]]
    return render(request, "marketplace/publishing/queue.html", {"rows": rows})


def _row(submission: Submission, form: ReasonForm) -> dict[str, object]:
    content = content_from_json(submission.content)
    return {"submission": submission, "content": content, "words": html_of(content.description), "form": form}


@require_POST
@login_required
def decide(request: SignedInRequest, submission_id: UUID) -> HttpResponse:
    """Approve or refuse a submission."""
    submission = selectors.submission_for_operator(request.user, submission_id)
    try:
        if request.POST.get("decision") == "approve":
            decided = approve_submission(operator=request.user, submission=submission)
        else:
            reason = request.POST.get("reason", "")
            decided = refuse_submission(operator=request.user, submission=submission, reason=reason)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{decided.get_outcome_display()}.")
    return redirect("marketplace:review_queue")
