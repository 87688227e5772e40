"""Addresses of the log-in with a wallet, under /accounts/wallet/."""

from django.urls import path

from accounts.wallets import views

urlpatterns = [
    path("challenge/", views.challenge, name="wallet_challenge"),
    path("login/", views.login, name="wallet_login"),
    path("signup/", views.signup, name="wallet_signup"),
]
