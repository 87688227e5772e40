"""Addresses of the trading API, under /api/v1/."""

from django.urls import path

from trading import api

app_name = "trading_api"

urlpatterns = [
    path("orders/", api.OrdersView.as_view(), name="orders"),
    path("orders/<uuid:order_id>/", api.OrderView.as_view(), name="order"),
    path("fills/", api.FillsView.as_view(), name="fills"),
    path("fills/<uuid:fill_id>/", api.FillView.as_view(), name="fill"),
    path("follows/", api.FollowsView.as_view(), name="follows"),
    path("follows/<uuid:follow_id>/", api.FollowView.as_view(), name="follow"),
    path("follows/<uuid:follow_id>/pause/", api.PauseView.as_view(), name="pause"),
    path("follows/<uuid:follow_id>/resume/", api.ResumeView.as_view(), name="resume"),
    path("follows/<uuid:follow_id>/stop/", api.StopView.as_view(), name="stop"),
    path("safety/", api.SafetyView.as_view(), name="safety"),
]
