"""Addresses of the API of reviews, under /api/v1/."""

from django.urls import path

from marketplace.reviews import api

urlpatterns = [
    path("listings/<uuid:listing_id>/reviews/", api.ReviewsView.as_view(), name="reviews"),
    path("listings/<uuid:listing_id>/review/", api.OwnReviewView.as_view(), name="review"),
    path("reviews/<uuid:review_id>/answer/", api.ReviewAnswerView.as_view(), name="answer_review"),
    path("reviews/<uuid:review_id>/report/", api.ReviewReportView.as_view(), name="report_review"),
]
