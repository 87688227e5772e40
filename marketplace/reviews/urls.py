"""Addresses of reviews, under /marketplace/."""

from django.urls import path

from marketplace.reviews import views

urlpatterns = [
    path("<uuid:listing_id>/reviews/", views.reviews, name="reviews"),
    path("<uuid:listing_id>/review/", views.write, name="review"),
    path("reviews/<uuid:review_id>/answer/", views.answer, name="answer_review"),
    path("reviews/<uuid:review_id>/report/", views.report, name="report_review"),
]
