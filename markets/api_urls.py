"""Addresses of the markets API, under /api/v1/."""

from django.urls import path

from markets import api
from markets.scanning.api import MoversView, OpportunitiesView
from markets.watching import api as watching

app_name = "markets_api"

urlpatterns = [
    path("instruments/", api.InstrumentsView.as_view(), name="instruments"),
    path("instruments/<uuid:instrument_id>/", api.InstrumentView.as_view(), name="instrument"),
    path("instruments/<uuid:instrument_id>/candles/", api.CandlesView.as_view(), name="candles"),
    path("markets/scanners/movers/", MoversView.as_view(), name="movers"),
    path("markets/scanners/<str:scanner>/", OpportunitiesView.as_view(), name="scanner"),
    path("price-alerts/", watching.AlertsView.as_view(), name="alerts"),
    path("price-alerts/<uuid:alert_id>/", watching.AlertView.as_view(), name="alert"),
    path("watch-lists/", watching.WatchListsView.as_view(), name="watch_lists"),
    path("watch-lists/<uuid:watch_list_id>/", watching.WatchListView.as_view(), name="watch_list"),
    path("watch-lists/<uuid:watch_list_id>/order/", watching.WatchListOrderView.as_view(), name="watch_list_order"),
    path(
        "watch-lists/<uuid:watch_list_id>/instruments/",
        watching.WatchedInstrumentsView.as_view(),
        name="watched_instruments",
    ),
    path(
        "watch-lists/<uuid:watch_list_id>/instruments/<uuid:instrument_id>/",
        watching.WatchedInstrumentView.as_view(),
        name="watched_instrument",
    ),
    path("tickers/", api.TickersView.as_view(), name="tickers"),
]
