"""Addresses of the portfolios API, under /api/v1/."""

from django.urls import path

from portfolios import api, exchange_api, sharing_api

app_name = "portfolios_api"

urlpatterns = [
    path("portfolios/", api.PortfoliosView.as_view(), name="portfolios"),
    path("portfolios/<uuid:portfolio_id>/", api.PortfolioView.as_view(), name="portfolio"),
    path("portfolios/<uuid:portfolio_id>/live-trading/", api.LiveTradingView.as_view(), name="live_trading"),
    path("portfolios/<uuid:portfolio_id>/costs/", api.CostsView.as_view(), name="costs"),
    path("portfolios/<uuid:portfolio_id>/deposit/", api.DepositView.as_view(), name="deposit"),
    path("portfolios/<uuid:portfolio_id>/withdraw/", api.WithdrawView.as_view(), name="withdraw"),
    path("portfolios/<uuid:portfolio_id>/transfer/", api.TransferView.as_view(), name="transfer"),
    path("portfolios/<uuid:portfolio_id>/equity/", api.EquityView.as_view(), name="equity"),
    path("portfolios/<uuid:portfolio_id>/ledger/", api.LedgerView.as_view(), name="ledger"),
    path("portfolios/<uuid:portfolio_id>/ledger/export/", api.LedgerExportView.as_view(), name="ledger_export"),
    path("portfolios/<uuid:portfolio_id>/positions/", api.PositionsView.as_view(), name="positions"),
    path("portfolios/<uuid:portfolio_id>/funding/", api.FundingPaymentsView.as_view(), name="funding_payments"),
    path("portfolios/<uuid:portfolio_id>/sharing/", sharing_api.SharingView.as_view(), name="sharing"),
    path(
        "portfolios/<uuid:portfolio_id>/workspace/",
        sharing_api.WorkspaceOfPortfolioView.as_view(),
        name="workspace_of_portfolio",
    ),
    path("portfolios/<uuid:portfolio_id>/delegations/", sharing_api.DelegationsView.as_view(), name="delegations"),
    path(
        "portfolios/<uuid:portfolio_id>/delegations/<uuid:delegation_id>/",
        sharing_api.DelegationView.as_view(),
        name="delegation",
    ),
    path("portfolios/<uuid:portfolio_id>/sub-account/", sharing_api.SubAccountView.as_view(), name="sub_account"),
    path("portfolios/<uuid:portfolio_id>/approval/", sharing_api.ApprovalLimitView.as_view(), name="approval_limit"),
    path("exchange-accounts/", exchange_api.ExchangeAccountsView.as_view(), name="exchange_accounts"),
    path("exchange-accounts/venues/", exchange_api.VenuesView.as_view(), name="exchange_account_venues"),
    path("exchange-accounts/<uuid:account_id>/", exchange_api.ExchangeAccountView.as_view(), name="exchange_account"),
    path("exchange-accounts/<uuid:account_id>/key/", exchange_api.KeyView.as_view(), name="exchange_account_key"),
    path("exchange-accounts/<uuid:account_id>/check/", exchange_api.CheckView.as_view(), name="exchange_account_check"),
    path(
        "exchange-accounts/<uuid:account_id>/balances/",
        exchange_api.BalancesView.as_view(),
        name="exchange_account_balances",
    ),
    path("exchange-accounts/<uuid:account_id>/uses/", exchange_api.UsesView.as_view(), name="exchange_account_uses"),
]
