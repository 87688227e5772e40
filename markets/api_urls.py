"""Addresses of the markets API, under /api/v1/."""

from django.urls import path

from markets import api, backfill_api
from markets.scanning.api import MoversView, OpportunitiesView
from markets.watching import api as watching

app_name = "markets_api"

urlpatterns = [
    path("instruments/", api.InstrumentsView.as_view(), name="instruments"),
    path("instruments/<uuid:instrument_id>/", api.InstrumentView.as_view(), name="instrument"),
    path("instruments/<uuid:instrument_id>/candles/", api.CandlesView.as_view(), name="candles"),
    path("backfills/", backfill_api.BackfillsView.as_view(), name="backfills"),
    path("backfills/<uuid:backfill_id>/", backfill_api.BackfillView.as_view(), name="backfill"),
    path("instruments/<uuid:instrument_id>/book/", api.BookView.as_view(), name="book"),
    path("instruments/<uuid:instrument_id>/trades/", api.TradesView.as_view(), name="trades"),
    path("instruments/<uuid:instrument_id>/funding/", api.FundingView.as_view(), name="funding"),
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
    path("venues/", api.VenuesView.as_view(), name="venues"),
]
