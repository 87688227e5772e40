"""Addresses of the markets pages, under /markets/."""

from django.urls import path

from markets import backfill_views, views
from markets.scanning.views import scanner
from markets.watching import alert_views, watch_list_views

app_name = "markets"

urlpatterns = [
    path("", views.market_list, name="list"),
    path("venues/", views.venues, name="venues"),
    path("scanners/", scanner, name="scanners"),
    path("scanners/<str:scanner>/", scanner, name="scanner"),
    path("alerts/", alert_views.alerts, name="alerts"),
    path("alerts/forget/", alert_views.forget, name="forget_alerts"),
    path("alerts/<uuid:alert_id>/cancel/", alert_views.cancel, name="cancel_alert"),
    path("watch-lists/", watch_list_views.watch_lists, name="watch_lists"),
    path("watch-lists/<uuid:watch_list_id>/", watch_list_views.watch_list, name="watch_list"),
    path("watch-lists/<uuid:watch_list_id>/rename/", watch_list_views.rename, name="rename_watch_list"),
    path("watch-lists/<uuid:watch_list_id>/delete/", watch_list_views.delete, name="delete_watch_list"),
    path("watch-lists/<uuid:watch_list_id>/<uuid:instrument_id>/add/", watch_list_views.add, name="add_watched"),
    path(
        "watch-lists/<uuid:watch_list_id>/<uuid:instrument_id>/remove/", watch_list_views.remove, name="remove_watched"
    ),
    path("watch-lists/<uuid:watch_list_id>/<uuid:instrument_id>/move/", watch_list_views.move, name="move_watched"),
    path("<uuid:instrument_id>/watch/", watch_list_views.watch, name="watch"),
    path("<uuid:instrument_id>/alerts/", alert_views.instrument_alerts, name="instrument_alerts"),
    path("<uuid:instrument_id>/alerts/new/", alert_views.new_alert, name="new_alert"),
    path("<uuid:instrument_id>/", views.instrument, name="instrument"),
    path("<uuid:instrument_id>/candles/<str:timeframe>/", views.candles, name="candles"),
    path("<uuid:instrument_id>/history/", backfill_views.history, name="history"),
    path("<uuid:instrument_id>/history/load/", backfill_views.load_history, name="load_history"),
    path("history/<uuid:backfill_id>/cancel/", backfill_views.cancel_history, name="cancel_history"),
]
