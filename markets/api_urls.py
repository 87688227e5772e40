"""Addresses of the markets API, under /api/v1/."""

from django.urls import path

from markets import api, backfill_api

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
    path("tickers/", api.TickersView.as_view(), name="tickers"),
    path("venues/", api.VenuesView.as_view(), name="venues"),
]
