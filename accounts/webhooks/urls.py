"""Addresses of the webhook pages, under /settings/webhooks/; they are part of the names of accounts."""

from django.urls import path

from accounts.webhooks import views

urlpatterns = [
    path("", views.endpoints, name="webhooks"),
    path("<uuid:endpoint_id>/", views.endpoint, name="webhook"),
    path("<uuid:endpoint_id>/rotate/", views.rotate, name="rotate_webhook"),
    path("<uuid:endpoint_id>/test/", views.test, name="test_webhook"),
    path("<uuid:endpoint_id>/enable/", views.enable, name="enable_webhook"),
    path("<uuid:endpoint_id>/delete/", views.delete, name="delete_webhook"),
    path("deliveries/<uuid:delivery_id>/redeliver/", views.redeliver, name="redeliver_webhook"),
]
