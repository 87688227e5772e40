"""Where an app signs a person in without a page, under /accounts/app/: allauth.headless, and no more of it than that.

Signing up, passwords, addresses and factors stay with the pages, whose guards look at the browser's session.
"""

from allauth.headless.account.views import LoginView, SessionView
from allauth.headless.constants import Client
from allauth.headless.mfa.views import AuthenticateView
from django.urls import path

urlpatterns = [
    path("login/", LoginView.as_api_view(client=Client.APP), name="app_login"),
    path("factor/", AuthenticateView.as_api_view(client=Client.APP), name="app_factor"),
    path("session/", SessionView.as_api_view(client=Client.APP), name="app_session"),
]
