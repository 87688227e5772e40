"""Addresses of the marketplace pages, under /marketplace/."""

from django.urls import include, path

from marketplace import follow_views, views
from marketplace.search import views as search_views

app_name = "marketplace"

urlpatterns = [
    path("", search_views.listing_list, name="list"),
    path("publish/", views.publish, name="publish"),
    path("<uuid:listing_id>/", views.detail, name="detail"),
    path("<uuid:listing_id>/equity/", views.equity, name="equity"),
    path("<uuid:listing_id>/what-if/", views.what_if, name="what_if"),
    path("<uuid:listing_id>/fit/", follow_views.fit, name="fit"),
    path("<uuid:listing_id>/follow/", follow_views.follow, name="follow"),
    path("<uuid:listing_id>/edit/", views.edit, name="edit"),
    path("<uuid:listing_id>/withdraw/", views.withdraw, name="withdraw"),
    path("", include("marketplace.search.urls")),
    path("", include("marketplace.reviews.urls")),
]
