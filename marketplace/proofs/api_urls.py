"""Addresses of the proofs API, among the marketplace's."""

from django.urls import path

from marketplace.proofs import api

urlpatterns = [
    path("record-roots/", api.RootsView.as_view(), name="roots"),
    path("record-keys/", api.KeysView.as_view(), name="keys"),
    path("listings/<uuid:listing_id>/record/", api.RecordView.as_view(), name="record"),
    path("listings/<uuid:listing_id>/proofs/<int:number>/", api.ProofView.as_view(), name="proof"),
    path(
        "listings/<uuid:listing_id>/published-backtest/", api.PublishedBacktestView.as_view(), name="published_backtest"
    ),
    path("listings/<uuid:listing_id>/reproductions/", api.ReproductionsView.as_view(), name="reproductions"),
    path("listings/<uuid:listing_id>/drift/", api.DriftView.as_view(), name="drift"),
]
