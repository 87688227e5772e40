"""Addresses of the marketplace pages, under /marketplace/."""

from django.urls import path

from marketplace import views

app_name = "marketplace"

urlpatterns = [
    path("", views.listing_list, name="list"),
    path("publish/", views.publish, name="publish"),
    path("<uuid:listing_id>/", views.detail, name="detail"),
    path("<uuid:listing_id>/equity/", views.equity, name="equity"),
    path("<uuid:listing_id>/edit/", views.edit, name="edit"),
    path("<uuid:listing_id>/withdraw/", views.withdraw, name="withdraw"),
]
