"""Addresses of the page of linked wallets, under /settings/wallets/; the log-in's stand beside allauth's."""

from django.urls import path

from accounts.wallets import views

urlpatterns = [
    path("", views.wallets, name="wallets"),
    path("link/", views.link, name="link_wallet"),
    path("<uuid:wallet_id>/unlink/", views.unlink, name="unlink_wallet"),
]
