"""Addresses of the pages about proofs, among the marketplace's."""

from django.urls import path

from marketplace.proofs import views

urlpatterns = [
    path("roots/", views.roots, name="roots"),
    path("verify/", views.verify, name="verify"),
    path("<uuid:listing_id>/record/", views.record, name="record"),
    path("<uuid:listing_id>/publish-backtest/", views.publish_backtest, name="publish_backtest"),
    path("<uuid:listing_id>/reproduce/", views.reproduce, name="reproduce"),
    path("<uuid:listing_id>/reproduction/", views.reproduction, name="reproduction"),
]
