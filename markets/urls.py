"""Addresses of the markets pages, under /markets/."""

from django.urls import path

from markets import backfill_views, views

app_name = "markets"

urlpatterns = [
    path("", views.market_list, name="list"),
    path("venues/", views.venues, name="venues"),
    path("<uuid:instrument_id>/", views.instrument, name="instrument"),
    path("<uuid:instrument_id>/candles/<str:timeframe>/", views.candles, name="candles"),
    path("<uuid:instrument_id>/history/", backfill_views.history, name="history"),
    path("<uuid:instrument_id>/history/load/", backfill_views.load_history, name="load_history"),
    path("history/<uuid:backfill_id>/cancel/", backfill_views.cancel_history, name="cancel_history"),
]
