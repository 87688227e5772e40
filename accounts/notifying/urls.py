"""Addresses of how one is told, under /settings/notifications/; they are part of the names of accounts."""

from django.urls import path

from accounts.notifying import views

urlpatterns = [
    path("settings/", views.notification_settings, name="notification_settings"),
    path("settings/channels/", views.choose_channels, name="choose_channels"),
    path("settings/hours/", views.set_hours, name="set_hours"),
    path("settings/test/", views.test_notification, name="test_notification"),
    path("log/", views.delivery_log, name="delivery_log"),
    path("browsers/", views.subscribe_browser, name="subscribe_browser"),
    path("browsers/<uuid:browser_id>/forget/", views.forget_browser, name="forget_browser"),
    path("telegram/link/", views.link_telegram, name="link_telegram"),
    path("telegram/unlink/", views.unlink_telegram, name="unlink_telegram"),
    path("phone/", views.name_phone, name="name_phone"),
    path("phone/verify/", views.verify_phone, name="verify_phone"),
    path("phone/forget/", views.forget_phone, name="forget_phone"),
]
