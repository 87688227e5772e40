"""Addresses of the settings pages, under /settings/."""

from django.urls import include, path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("", views.profile, name="profile"),
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/<uuid:token_id>/revoke/", views.revoke, name="revoke"),
    path("notifications/", views.notifications, name="notifications"),
    path("notifications/read/", views.read_all, name="read_all"),
    path("notifications/<uuid:notification_id>/read/", views.read_one, name="read_one"),
    path("activity/", views.activity, name="activity"),
    path("data/", views.data, name="data"),
    path("data/export/", views.export, name="export"),
    path("audit/", include("accounts.audit_log.urls")),
    path("workspaces/", include("accounts.teams.urls")),
    path("webhooks/", include("accounts.webhooks.urls")),
    path("leave/", views.leave, name="leave"),
]
