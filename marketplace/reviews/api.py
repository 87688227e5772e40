"""The API of reviews."""

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
from marketplace.reviews import serializers
from marketplace.reviews.models import Review
from marketplace.reviews.selectors import review_for_lead, review_for_reader, reviews_of
from marketplace.reviews.services import answer_review, report_review, write_review
from marketplace.selectors import listing_for_reader


class ReviewsView(ApiListView[Review]):
    """What is said of a listing."""

    scope = Scope.READ
    serializer_class = serializers.ReviewSerializer
    queryset = Review.objects.none()

    def get_queryset(self) -> QuerySet[Review]:
        return reviews_of(listing_for_reader(asker(self.request), self.kwargs["listing_id"]))

    @extend_schema(summary="List a listing's reviews")
    def get(self, request: Request, listing_id: UUID) -> Response:
        return self.list(request)


class OwnReviewView(ApiView):
    """One's own review of a listing."""

    scope = Scope.PUBLISH

    @extend_schema(
        summary="Write or change one's review of a listing",
        description="For whoever followed it for 14 days at least. What it said before is kept.",
        request=serializers.ReviewWordsSerializer,
        responses=serializers.ReviewSerializer,
    )
    def put(self, request: Request, listing_id: UUID) -> Response:
        listing = listing_for_reader(asker(request), listing_id)
        said = serializers.ReviewWordsSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        review = write_review(author=asker(request), listing=listing, **said.validated_data)
        return Response(serializers.ReviewSerializer(review).data)


class ReviewAnswerView(ApiView):
    """The lead's answer to a review."""

    scope = Scope.PUBLISH

    @extend_schema(
        summary="Answer a review of one's own listing",
        description="An empty text takes the answer away.",
        request=serializers.ReviewAnswerSerializer,
        responses=serializers.ReviewSerializer,
    )
    def put(self, request: Request, review_id: UUID) -> Response:
        review = review_for_lead(asker(request), review_id)
        said = serializers.ReviewAnswerSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        answered = answer_review(lead=asker(request), review=review, text=said.validated_data["text"])
        return Response(serializers.ReviewSerializer(answered).data)


class ReviewReportView(ApiView):
    """A review that somebody should look at."""

    scope = Scope.PUBLISH

    @extend_schema(
        summary="Report a review to the operators", request=serializers.ReviewReportSerializer, responses={204: None}
    )
    def post(self, request: Request, review_id: UUID) -> Response:
        review = review_for_reader(asker(request), review_id)
        said = serializers.ReviewReportSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        report_review(reporter=asker(request), review=review, reason=said.validated_data["reason"])
        return Response(status=status.HTTP_204_NO_CONTENT)
