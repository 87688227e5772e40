"""Every address of the platform; each app lists its own pages in urls.py and its API in api_urls.py."""

from allauth.urls import build_provider_urlpatterns
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts.notifying.views import service_worker, telegram_webhook
from accounts.programs.views import problem, problems
from accounts.provider import authorize, no_devices
from config.asyncapi import asyncapi
from config.health import health
from config.metrics import metrics
from config.overview import overview
from marketplace.billing.webhooks import stripe_webhook

handler404 = "common.http.page_not_found"
handler500 = "common.http.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", overview, name="overview"),
    path("metrics", metrics, name="metrics"),
    path("healthz", health, name="health"),
    path("admin/", admin.site.urls),
    path("accounts/wallet/", include("accounts.wallets.entrance_urls")),
    path("accounts/app/", include("accounts.app_urls")),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/sessions/", include("allauth.usersessions.urls")),
    path("accounts/3rdparty/", include("allauth.socialaccount.urls")),
    path("accounts/", include(build_provider_urlpatterns())),
    # In front of allauth's own: the same view, whose answer's policy names the app that it leads to.
    path("identity/o/authorize", authorize, name="authorize"),
    path("identity/o/device", no_devices, name="no_devices"),
    path("", include("allauth.idp.urls")),
    path("settings/", include("accounts.urls")),
    path("markets/", include("markets.urls")),
    path("portfolios/", include("trading.portfolio_urls")),
    path("exchange-accounts/", include("portfolios.exchange_urls")),
    path("", include("trading.urls")),
    path("strategies/", include("strategies.urls")),
    path("marketplace/", include("marketplace.urls")),
    path("billing/", include("marketplace.billing.urls")),
    path("sw.js", service_worker, name="service_worker"),
    path("webhooks/telegram/", telegram_webhook, name="telegram_webhook"),
    path("webhooks/stripe/", stripe_webhook, name="stripe_webhook"),
    path("", include("community.urls")),
    path("api/v1/", include("accounts.api_urls")),
    path("api/v1/", include("markets.api_urls")),
    path("api/v1/", include("portfolios.api_urls")),
    path("api/v1/", include("trading.api_urls")),
    path("api/v1/", include("strategies.api_urls")),
    path("api/v1/", include("marketplace.api_urls")),
    path("api/v1/billing/", include("marketplace.billing.api_urls")),
    path("api/v1/", include("community.api_urls")),
    path("api/v1/problems/", problems, name="problems"),
    path("api/v1/problems/<str:problem_code>/", problem, name="problem"),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/asyncapi.yaml", asyncapi, name="asyncapi"),
    path("api/v1/docs/", SpectacularSwaggerSplitView.as_view(template_name="accounts/api_docs.html"), name="api_docs"),
]
