"""Addresses of everything under /portfolios/: the books' own pages, and what shows the trading in them.

One section of the site, two floors: a portfolio's page is made here, because orders, fills and follows are on it.
"""

from django.urls import path

from portfolios.urls import urlpatterns as books
from trading import console_views, copy_views, history_views, margin_views, views
from trading.approvals import views as approvals
from trading.copy_accounts import views as copy_accounts
from trading.plans import views as plans
from trading.risk import views as risk

app_name = "portfolios"

urlpatterns = [
    *books,
    path("<uuid:portfolio_id>/", views.portfolio, name="detail"),
    path("<uuid:portfolio_id>/chart/<uuid:instrument_id>/<str:timeframe>/", views.chart, name="chart"),
    path("<uuid:portfolio_id>/orders/", history_views.order_list, name="orders"),
    path("<uuid:portfolio_id>/orders/recent/", views.recent_orders, name="recent_orders"),
    path("<uuid:portfolio_id>/orders/place/", views.place, name="place"),
    path("<uuid:portfolio_id>/orders/estimate/", views.estimate, name="estimate"),
    path("<uuid:portfolio_id>/orders/open/", views.open_orders, name="open_orders"),
    path("<uuid:portfolio_id>/orders/cancel/", views.cancel_orders, name="cancel_orders"),
    path("<uuid:portfolio_id>/positions/close/", views.close_everything, name="close_all"),
    path("<uuid:portfolio_id>/positions/<uuid:instrument_id>/close/", views.close, name="close"),
    path("<uuid:portfolio_id>/margin/<uuid:instrument_id>/", margin_views.terms, name="margin_terms"),
    path("<uuid:portfolio_id>/funding/", margin_views.funding, name="funding"),
    path("<uuid:portfolio_id>/fills/", history_views.fill_list, name="fills"),
    path("<uuid:portfolio_id>/fills/recent/", views.recent_fills, name="recent_fills"),
    path("<uuid:portfolio_id>/ledger/", history_views.ledger, name="ledger"),
    path("<uuid:portfolio_id>/plans/", plans.plan_list, name="plans"),
    path("<uuid:portfolio_id>/plans/recent/", plans.plan_rows, name="recent_plans"),
    path("<uuid:portfolio_id>/plans/new/<str:plan_kind>/", plans.new_plan, name="new_plan"),
    path("<uuid:portfolio_id>/plans/preview/<str:plan_kind>/", plans.plan_preview, name="preview_plan"),
    path("<uuid:portfolio_id>/follow/", views.follow_panel, name="follow"),
    path("<uuid:portfolio_id>/followers/", console_views.followers, name="followers"),
    path("<uuid:portfolio_id>/follow/account/", copy_accounts.account, name="follow_account"),
    path("<uuid:portfolio_id>/follow/copies/", views.copies, name="copies"),
    path("<uuid:portfolio_id>/follow/log/", copy_views.log, name="follow_log"),
    path("<uuid:portfolio_id>/approvals/", approvals.approvals, name="approvals"),
    path("<uuid:portfolio_id>/risk/", risk.risk, name="risk"),
    path("<uuid:portfolio_id>/risk/panel/", risk.panel, name="risk_panel"),
    path("<uuid:portfolio_id>/risk/profile/", risk.choose, name="risk_profile"),
    path("<uuid:portfolio_id>/risk/limits/", risk.edit, name="risk_limits"),
    path("<uuid:portfolio_id>/risk/safety/", risk.switch, name="risk_safety"),
    path("<uuid:portfolio_id>/risk/close-all/", risk.close_all, name="risk_close_all"),
]
