"""Addresses of the trading pages that belong to no one portfolio."""

from django.urls import path

from trading import views

app_name = "trading"

urlpatterns = [
    path("orders/<uuid:order_id>/", views.order, name="order"),
    path("follows/", views.follow_list, name="follows"),
    path("follows/<uuid:follow_id>/pause/", views.pause, name="pause"),
    path("follows/<uuid:follow_id>/resume/", views.resume, name="resume"),
    path("follows/<uuid:follow_id>/stop/", views.stop, name="stop"),
]
