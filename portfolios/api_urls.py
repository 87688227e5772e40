"""Addresses of the portfolios API, under /api/v1/."""

from django.urls import path

from portfolios import api

app_name = "portfolios_api"

urlpatterns = [
    path("portfolios/", api.PortfoliosView.as_view(), name="portfolios"),
    path("portfolios/<uuid:portfolio_id>/", api.PortfolioView.as_view(), name="portfolio"),
    path("portfolios/<uuid:portfolio_id>/deposit/", api.DepositView.as_view(), name="deposit"),
    path("portfolios/<uuid:portfolio_id>/withdraw/", api.WithdrawView.as_view(), name="withdraw"),
    path("portfolios/<uuid:portfolio_id>/transfer/", api.TransferView.as_view(), name="transfer"),
    path("portfolios/<uuid:portfolio_id>/equity/", api.EquityView.as_view(), name="equity"),
    path("portfolios/<uuid:portfolio_id>/ledger/", api.LedgerView.as_view(), name="ledger"),
    path("portfolios/<uuid:portfolio_id>/positions/", api.PositionsView.as_view(), name="positions"),
]
