"""Addresses of the strategies API, under /api/v1/."""

from django.urls import path

from strategies import api

app_name = "strategies_api"

urlpatterns = [
    path("strategies/", api.StrategiesView.as_view(), name="strategies"),
    path("strategies/<uuid:strategy_id>/", api.StrategyView.as_view(), name="strategy"),
    path("runs/", api.RunsView.as_view(), name="runs"),
    path("runs/<uuid:run_id>/", api.RunView.as_view(), name="run"),
    path("runs/<uuid:run_id>/stop/", api.StopRunView.as_view(), name="stop_run"),
]
