"""Addresses of the settings pages, under /settings/."""

from django.urls import include, path

from accounts import views
from accounts.security import views as security
from accounts.sessions import views as sessions

app_name = "accounts"

urlpatterns = [
    path("", views.profile, name="profile"),
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/<uuid:token_id>/revoke/", views.revoke, name="revoke"),
    path("notifications/", views.notifications, name="notifications"),
    path("notifications/read/", views.read_all, name="read_all"),
    path("notifications/<uuid:notification_id>/read/", views.read_one, name="read_one"),
    path("activity/", views.activity, name="activity"),
    path("notifications/", include("accounts.notifying.urls")),
    path("data/", include("accounts.privacy.urls")),
    path("security/", security.log, name="security"),
    path("sessions/<int:session_id>/end/", sessions.end, name="end_session"),
    path("sessions/end/", sessions.end_others, name="end_other_sessions"),
    path("wallets/", include("accounts.wallets.urls")),
    path("audit/", include("accounts.audit_log.urls")),
    path("workspaces/", include("accounts.teams.urls")),
    path("webhooks/", include("accounts.webhooks.urls")),
]
