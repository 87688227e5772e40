"""Addresses of the markets pages, under /markets/."""

from django.urls import path

from markets import views

app_name = "markets"

urlpatterns = [
    path("", views.market_list, name="list"),
    path("venues/", views.venues, name="venues"),
    path("<uuid:instrument_id>/", views.instrument, name="instrument"),
    path("<uuid:instrument_id>/candles/<str:timeframe>/", views.candles, name="candles"),
]
