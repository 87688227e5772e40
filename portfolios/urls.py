"""Addresses of the portfolio pages, under /portfolios/; trading/portfolio_urls.py adds what shows trading."""

from django.urls import path

from portfolios import sharing_views, views

app_name = "portfolios"

urlpatterns = [
    path("<uuid:portfolio_id>/live-trading/", views.live_trading, name="live_trading"),
    path("", views.portfolio_list, name="list"),
    path("open/", views.open_one, name="open"),
    path("<uuid:portfolio_id>/summary/", views.summary, name="summary"),
    path("<uuid:portfolio_id>/positions/", views.positions, name="positions"),
    path("<uuid:portfolio_id>/equity/", views.equity, name="equity"),
    path("<uuid:portfolio_id>/balances/", views.balances, name="balances"),
    path("<uuid:portfolio_id>/costs/", views.costs, name="costs"),
    path("<uuid:portfolio_id>/deposit/", views.pay_in, name="deposit"),
    path("<uuid:portfolio_id>/withdraw/", views.take_out, name="withdraw"),
    path("<uuid:portfolio_id>/transfer/", views.move, name="transfer"),
    path("<uuid:portfolio_id>/sharing/", sharing_views.sharing, name="sharing"),
    path("<uuid:portfolio_id>/sharing/workspace/", sharing_views.give, name="give"),
    path("<uuid:portfolio_id>/sharing/workspace/leave/", sharing_views.take, name="take"),
    path("<uuid:portfolio_id>/sharing/lend/", sharing_views.lend_out, name="lend"),
    path("<uuid:portfolio_id>/sharing/lend/<uuid:delegation_id>/end/", sharing_views.end_lending, name="end_lending"),
    path("<uuid:portfolio_id>/sharing/parent/", sharing_views.group, name="group"),
    path("<uuid:portfolio_id>/sharing/parent/leave/", sharing_views.ungroup, name="ungroup"),
    path("<uuid:portfolio_id>/sharing/approval/", sharing_views.approval, name="approval"),
]
