"""Addresses of the accounts API, under /api/v1/."""

from django.urls import include, path

from accounts import api
from accounts.audit_log import api as audit_log
from accounts.notifying import api as notifying
from accounts.privacy import api as privacy
from accounts.webhooks import api as webhooks

app_name = "accounts_api"

urlpatterns = [
    path("tokens/", api.TokensView.as_view(), name="tokens"),
    path("tokens/<uuid:token_id>/", api.TokenView.as_view(), name="token"),
    path("me/", api.MeView.as_view(), name="me"),
    path("notifications/", api.NotificationsView.as_view(), name="notifications"),
    path("notifications/read/", api.MarkReadView.as_view(), name="mark_read"),
    path("notifications/test/", notifying.TestView.as_view(), name="test_notification"),
    path("notification-settings/", notifying.NotificationSettingsView.as_view(), name="notification_settings"),
    path("notification-deliveries/", notifying.DeliveriesView.as_view(), name="deliveries"),
    path("push-subscriptions/", notifying.PushSubscriptionsView.as_view(), name="push_subscriptions"),
    path(
        "push-subscriptions/<uuid:browser_id>/",
        notifying.PushSubscriptionView.as_view(),
        name="push_subscription",
    ),
    path("telegram-link/", notifying.TelegramView.as_view(), name="telegram"),
    path("phone/", notifying.PhoneView.as_view(), name="phone"),
    path("phone/verification/", notifying.PhoneCodeView.as_view(), name="phone_code"),
    path("data-archives/", privacy.DataArchivesView.as_view(), name="archives"),
    path("data-archives/<uuid:archive_id>/", privacy.DataArchiveView.as_view(), name="archive"),
    path("consents/", privacy.ConsentsView.as_view(), name="consents"),
    path("consents/<str:consent>/", privacy.ConsentView.as_view(), name="consent"),
    path("departure/", privacy.DepartureView.as_view(), name="departure"),
    path("webhooks/", webhooks.WebhooksView.as_view(), name="webhooks"),
    path("webhooks/<uuid:endpoint_id>/", webhooks.WebhookView.as_view(), name="webhook"),
    path("webhooks/<uuid:endpoint_id>/deliveries/", webhooks.DeliveriesView.as_view(), name="webhook_deliveries"),
    path("audit/", audit_log.AuditView.as_view(), name="audit"),
    path("audit/export/<slug:form>/", audit_log.AuditExportView.as_view(), name="export_audit"),
    path("workspaces/", include("accounts.teams.api_urls")),
    path("invitations/", api.InvitationsView.as_view(), name="invitations"),
]
