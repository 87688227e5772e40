"""The API of publishing: how a submission stands, a listing's versions and pictures, operators' decisions, taking a strategy."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from common.errors import NotFound
from common.pagination import NewestFirst
from marketplace import selectors as listings
from marketplace.models import ListingFacts, ListingState
from marketplace.publishing import selectors, serializers
from marketplace.publishing.models import Submission
from marketplace.publishing.services.pictures import add_picture, remove_picture
from marketplace.publishing.services.submissions import approve_submission, refuse_submission, submit_listing, take_back
from marketplace.publishing.words import html_of
from marketplace.services.listings import newest_content, use_listing


class PageView(ApiView):
    """What a listing's page shows beside its figures."""

    scope = Scope.READ

    @extend_schema(summary="Read a listing's facts, pictures and history", responses=serializers.ListingPageSerializer)
    def get(self, request: Request, listing_id: UUID) -> Response:
        user = asker(request)
        listing = listings.listing_for_reader(user, listing_id)
        shown = {
            "id": listing.pk,
            "description_html": html_of(listing.description),
            "facts": ListingFacts.objects.filter(listing=listing).first(),
            "pictures": selectors.pictures_shown(user, listing),
            "versions": selectors.history_of(listing),
            "raise_to_come": selectors.raise_to_come(listing),
        }
        return Response(serializers.ListingPageSerializer(shown).data)


class SubmissionView(ApiView):
    """The newest submission of a listing of one's own."""

    scope = Scope.PUBLISH

    @extend_schema(summary="Read how one's submission stands", responses=serializers.SubmissionSerializer)
    def get(self, request: Request, listing_id: UUID) -> Response:
        found = selectors.newest_submission(listings.listing_for_owner(asker(request), listing_id))
        if found is None:
            raise NotFound("submission")
        return Response(serializers.SubmissionSerializer(found).data)

    @extend_schema(summary="Take back what is not public yet", responses={204: None})
    def delete(self, request: Request, listing_id: UUID) -> Response:
        take_back(actor=asker(request), listing=listings.listing_for_owner(asker(request), listing_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PicturesView(ApiView):
    """The pictures of a listing of one's own."""

    scope = Scope.PUBLISH

    @extend_schema(
        summary="Add a picture to one's listing",
        description="It is drawn anew as WebP; nothing but pixels of the file stays.",
        request=serializers.PictureUploadSerializer,
        responses={201: serializers.ListingPictureSerializer},
    )
    def post(self, request: Request, listing_id: UUID) -> Response:
        user = asker(request)
        listing = listings.listing_for_owner(user, listing_id)
        given = serializers.PictureUploadSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        words = given.validated_data["words"]
        added = add_picture(actor=user, listing=listing, data=given.data_given(), words=words)
        if listing.state == ListingState.PUBLISHED:
            submit_listing(actor=user, listing=listing, content=newest_content(listing), changes="Another picture")
            added.refresh_from_db()
        return Response(serializers.ListingPictureSerializer(added).data, status=status.HTTP_201_CREATED)


class PictureView(ApiView):
    """A picture of a listing of one's own."""

    scope = Scope.PUBLISH

    @extend_schema(summary="Remove a picture", responses={204: None})
    def delete(self, request: Request, listing_id: UUID, digest: str) -> Response:
        listing = listings.listing_for_owner(asker(request), listing_id)
        remove_picture(actor=asker(request), listing=listing, digest=digest)
        return Response(status=status.HTTP_204_NO_CONTENT)


class UseView(ApiView):
    """The way to a strategy that is offered."""

    scope = Scope.TRADE

    @extend_schema(
        summary="Take the strategy that a listing offers",
        request=None,
        responses={201: serializers.TakenSerializer},
    )
    def post(self, request: Request, listing_id: UUID) -> Response:
        listing = listings.listing_for_reader(asker(request), listing_id)
        grant = use_listing(user=asker(request), listing=listing)
        return Response(serializers.TakenSerializer(grant).data, status=status.HTTP_201_CREATED)


class InOrder(NewestFirst):
    """Pages of what waits, the longest waiting first."""

    ordering = "submitted_at"


class SubmissionsView(ApiListView[Submission]):
    """What waits for an operator."""

    scope = Scope.READ
    serializer_class = serializers.SubmissionSerializer
    queryset = Submission.objects.none()
    pagination_class = InOrder

    def get_queryset(self) -> QuerySet[Submission]:
        return selectors.review_queue(asker(self.request))

    @extend_schema(operation_id="listing_reviews_list", summary="List what waits for an operator (operators only)")
    def get(self, request: Request) -> Response:
        return self.list(request)


class DecisionView(ApiView):
    """An operator's decision."""

    scope = Scope.PUBLISH

    @extend_schema(
        summary="Approve or refuse a submission (operators only)",
        request=serializers.DecisionSerializer,
        responses=serializers.SubmissionSerializer,
    )
    def post(self, request: Request, submission_id: UUID) -> Response:
        submission = selectors.submission_for_operator(asker(request), submission_id)
        given = serializers.DecisionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        if given.validated_data["is_approved"]:
            decided = approve_submission(operator=asker(request), submission=submission)
        else:
            reason = given.validated_data["reason"]
            decided = refuse_submission(operator=asker(request), submission=submission, reason=reason)
        return Response(serializers.SubmissionSerializer(decided).data)
