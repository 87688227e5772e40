"""Addresses of the accounts API, under /api/v1/."""

from django.urls import include, path

from accounts import api
from accounts.audit_log import api as audit_log
from accounts.webhooks import api as webhooks

app_name = "accounts_api"

urlpatterns = [
    path("tokens/", api.TokensView.as_view(), name="tokens"),
    path("tokens/<uuid:token_id>/", api.TokenView.as_view(), name="token"),
    path("me/", api.MeView.as_view(), name="me"),
    path("notifications/", api.NotificationsView.as_view(), name="notifications"),
    path("notifications/read/", api.MarkReadView.as_view(), name="mark_read"),
    path("webhooks/", webhooks.WebhooksView.as_view(), name="webhooks"),
    path("webhooks/<uuid:endpoint_id>/", webhooks.WebhookView.as_view(), name="webhook"),
    path("webhooks/<uuid:endpoint_id>/deliveries/", webhooks.DeliveriesView.as_view(), name="webhook_deliveries"),
    path("audit/", audit_log.AuditView.as_view(), name="audit"),
    path("audit/export/<slug:form>/", audit_log.AuditExportView.as_view(), name="export_audit"),
    path("workspaces/", include("accounts.teams.api_urls")),
    path("invitations/", api.InvitationsView.as_view(), name="invitations"),
]
