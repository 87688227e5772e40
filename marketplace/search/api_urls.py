"""Addresses of the API of search, under /api/v1/."""

from django.urls import path

from marketplace.search import api

urlpatterns = [
    path("listings/compare/", api.CompareView.as_view(), name="compare"),
    path("listings/<uuid:listing_id>/similar/", api.SimilarView.as_view(), name="similar"),
    path("saved-searches/", api.SavedSearchesView.as_view(), name="searches"),
    path("saved-searches/<uuid:search_id>/", api.SavedSearchView.as_view(), name="search"),
]
