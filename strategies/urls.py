"""Addresses of the strategies pages, under /strategies/."""

from django.urls import path

from strategies import views

app_name = "strategies"

urlpatterns = [
    path("", views.strategy_list, name="list"),
    path("new/", views.new, name="new"),
    path("<uuid:strategy_id>/", views.detail, name="detail"),
    path("<uuid:strategy_id>/edit/", views.edit, name="edit"),
    path("versions/<uuid:version_id>/start/", views.start, name="start"),
    path("runs/<uuid:run_id>/", views.run, name="run"),
    path("runs/<uuid:run_id>/stop/", views.stop, name="stop"),
]
