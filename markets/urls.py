"""Addresses of the markets pages, under /markets/."""

from django.urls import path

from markets import views
from markets.scanning.views import scanner

app_name = "markets"

urlpatterns = [
    path("", views.market_list, name="list"),
    path("scanners/", scanner, name="scanners"),
    path("scanners/<str:scanner>/", scanner, name="scanner"),
    path("<uuid:instrument_id>/", views.instrument, name="instrument"),
    path("<uuid:instrument_id>/candles/<str:timeframe>/", views.candles, name="candles"),
]
