"""Addresses of the billing pages, under /billing/."""

from django.urls import path

from marketplace.billing import business_views, platform_views, views

app_name = "billing"

urlpatterns = [
    path("prices/<uuid:price_id>/subscribe/", views.subscribe, name="subscribe"),
    path("checkouts/<uuid:checkout_id>/", views.checkout, name="checkout"),
    path("portal/", views.portal, name="portal"),
    path("subscriptions/", views.subscriptions, name="subscriptions"),
    path("subscriptions/<uuid:subscription_id>/change/", views.change, name="change"),
    path("subscriptions/<uuid:subscription_id>/ending/", views.ending, name="ending"),
    path("invoices/", views.invoices, name="invoices"),
    path("invoices/<uuid:invoice_id>/refund/", views.refund, name="refund"),
    path("plans/", views.plans, name="plans"),
    path("business/", business_views.business, name="business"),
    path("business/account/", business_views.onboarding, name="onboarding"),
    path("business/account/back/", business_views.onboarded, name="onboarded"),
    path("business/payouts/", business_views.payout_settings, name="payout_settings"),
    path("business/statement.<str:form>", business_views.statement, name="statement"),
    path("listings/<uuid:listing_id>/prices/", business_views.prices, name="prices"),
    path("prices/<uuid:price_id>/retire/", business_views.retire, name="retire"),
    path("listings/<uuid:listing_id>/codes/", business_views.codes, name="codes"),
    path("codes/<uuid:code_id>/end/", business_views.end_code, name="end_code"),
    path("platform/", platform_views.platform, name="platform"),
    path("platform/findings/<uuid:finding_id>/settle/", platform_views.settle, name="settle"),
    path("platform/sellers/<uuid:seller_id>/hold/", platform_views.hold, name="hold"),
    path("platform/shares/<uuid:share_id>/decide/", platform_views.decide_share, name="decide_share"),
    path("platform/takings/<uuid:taking_id>/decide/", platform_views.decide_taking, name="decide_taking"),
    path("platform/invoices/<uuid:invoice_id>/give-back/", platform_views.give_back, name="give_back"),
]
