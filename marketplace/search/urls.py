"""Addresses of searches that are kept and of comparisons, under /marketplace/."""

from django.urls import path

from marketplace.search import page_views

urlpatterns = [
    path("compare/", page_views.compare, name="compare"),
    path("compare/curves/", page_views.compare_curves, name="compare_curves"),
    path("searches/", page_views.searches, name="searches"),
    path("searches/<uuid:search_id>/delete/", page_views.delete, name="delete_search"),
]
