"""Addresses of the portfolio pages, under /portfolios/; trading/portfolio_urls.py adds what shows trading."""

from django.urls import path

from portfolios import views

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
]
