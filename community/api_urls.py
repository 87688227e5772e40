"""Addresses of the community API, under /api/v1/."""

from django.urls import path

from community import api

app_name = "community_api"

urlpatterns = [
    path("leaderboard/<str:kind>/", api.LeaderboardView.as_view(), name="leaderboard"),
    path("competitions/", api.CompetitionsView.as_view(), name="competitions"),
    path("competitions/<uuid:competition_id>/", api.CompetitionView.as_view(), name="competition"),
    path("competitions/<uuid:competition_id>/ranking/", api.RankingView.as_view(), name="ranking"),
    path("competitions/<uuid:competition_id>/enter/", api.EnterView.as_view(), name="enter"),
    path("profiles/<str:handle>/", api.ProfileView.as_view(), name="profile"),
]
