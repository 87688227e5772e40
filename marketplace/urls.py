"""Addresses of the marketplace pages, under /marketplace/."""

from django.urls import include, path

from marketplace import embed_views, follow_views, views
from marketplace.publishing import views as publishing
from marketplace.search import views as search_views

app_name = "marketplace"

urlpatterns = [
    path("", search_views.listing_list, name="list"),
    path("publish/", publishing.publish, name="publish"),
    path("publish/preview/", publishing.preview, name="preview"),
    path("review/", publishing.review_queue, name="review_queue"),
    path("review/<uuid:submission_id>/", publishing.decide, name="decide"),
    path("<uuid:listing_id>/", views.detail, name="detail"),
    path("<uuid:listing_id>/embed/", embed_views.embed, name="embed"),
    path("<uuid:listing_id>/equity/", views.equity, name="equity"),
    path("<uuid:listing_id>/what-if/", views.what_if, name="what_if"),
    path("<uuid:listing_id>/fit/", follow_views.fit, name="fit"),
    path("<uuid:listing_id>/follow/", follow_views.follow, name="follow"),
    path("<uuid:listing_id>/edit/", publishing.edit, name="edit"),
    path("<uuid:listing_id>/withdraw/", publishing.withdraw, name="withdraw"),
    path("<uuid:listing_id>/recall/", publishing.recall, name="recall"),
    path("<uuid:listing_id>/standing/", publishing.standing, name="standing"),
    path("<uuid:listing_id>/use/", publishing.use, name="use"),
    path("<uuid:listing_id>/pictures/", publishing.upload, name="upload"),
    path("<uuid:listing_id>/pictures/<slug:digest>.webp", publishing.picture, name="picture"),
    path("<uuid:listing_id>/pictures/<slug:digest>/remove/", publishing.remove, name="remove_picture"),
    path("", include("marketplace.proofs.urls")),
    path("", include("marketplace.search.urls")),
    path("", include("marketplace.reviews.urls")),
]
