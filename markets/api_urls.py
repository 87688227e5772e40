"""Addresses of the markets API, under /api/v1/."""

from django.urls import path

from markets import api
from markets.scanning.api import ScannerView

app_name = "markets_api"

urlpatterns = [
    path("instruments/", api.InstrumentsView.as_view(), name="instruments"),
    path("instruments/<uuid:instrument_id>/", api.InstrumentView.as_view(), name="instrument"),
    path("instruments/<uuid:instrument_id>/candles/", api.CandlesView.as_view(), name="candles"),
    path("markets/scanners/<str:scanner>/", ScannerView.as_view(), name="scanner"),
    path("tickers/", api.TickersView.as_view(), name="tickers"),
]
