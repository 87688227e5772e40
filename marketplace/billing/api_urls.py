"""Addresses of the billing API, under /api/v1/billing/."""

from django.urls import path

from marketplace.billing import api

app_name = "billing_api"

urlpatterns = [
    path("listings/<uuid:listing_id>/prices/", api.PricesView.as_view(), name="prices"),
    path("prices/<uuid:price_id>/", api.PriceView.as_view(), name="price"),
    path("prices/<uuid:price_id>/subscribe/", api.SubscribeView.as_view(), name="subscribe"),
    path("listings/<uuid:listing_id>/codes/", api.CodesView.as_view(), name="codes"),
    path("codes/<uuid:code_id>/", api.CodeView.as_view(), name="code"),
    path("checkouts/<uuid:checkout_id>/", api.CheckoutView.as_view(), name="checkout"),
    path("subscriptions/", api.SubscriptionsView.as_view(), name="subscriptions"),
    path("subscriptions/<uuid:subscription_id>/", api.SubscriptionView.as_view(), name="subscription"),
    path("invoices/", api.InvoicesView.as_view(), name="invoices"),
    path("invoices/<uuid:invoice_id>/refund/", api.RefundView.as_view(), name="refund"),
    path("takings/", api.TakingsView.as_view(), name="takings"),
    path("takings/<uuid:taking_id>/", api.TakingView.as_view(), name="taking"),
    path("business/", api.BusinessView.as_view(), name="business"),
    path("business/statement/", api.StatementView.as_view(), name="statement"),
]
