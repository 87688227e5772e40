"""Addresses of the exchange-account pages, under /exchange-accounts/."""

from django.urls import path

from portfolios import exchange_views as views

app_name = "exchange_accounts"

urlpatterns = [
    path("", views.account_list, name="list"),
    path("connect/", views.choose, name="choose"),
    path("connect/<slug:exchange>/<slug:mode>/", views.connect, name="connect"),
    path("<uuid:account_id>/", views.detail, name="detail"),
    path("<uuid:account_id>/status/", views.status, name="status"),
    path("<uuid:account_id>/check/", views.check, name="check"),
    path("<uuid:account_id>/rename/", views.rename, name="rename"),
    path("<uuid:account_id>/key/", views.rekey, name="rekey"),
    path("<uuid:account_id>/revoke/", views.revoke, name="revoke"),
]
