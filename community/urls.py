"""Addresses of the community pages, at the root of the site."""

from django.urls import path

from community import views

app_name = "community"

urlpatterns = [
    path("leaderboard/", views.leaderboard, name="leaderboard"),
    path("competitions/", views.competitions, name="competitions"),
    path("competitions/new/", views.new_competition, name="new_competition"),
    path("competitions/<uuid:competition_id>/", views.competition, name="competition"),
    path("competitions/<uuid:competition_id>/enter/", views.enter, name="enter"),
    path("u/<str:handle>/", views.profile, name="profile"),
]
