"""Addresses of the trading pages that belong to no one portfolio."""

from django.urls import path

from trading import account_views, copy_views, follow_views, history_views, template_views, views
from trading.approvals import views as approvals
from trading.plans import views as plans
from trading.risk import views as risk
from trading.signals import views as signals

app_name = "trading"

urlpatterns = [
    path("orders/<uuid:order_id>/", history_views.order, name="order"),
    path("orders/<uuid:order_id>/edit/", views.edit, name="edit"),
    path("orders/<uuid:order_id>/cancel/", views.cancel, name="cancel"),
    path("exchange-accounts/<uuid:account_id>/trades/", account_views.trades, name="account_trades"),
    path("exchange-accounts/<uuid:account_id>/cancel/", account_views.cancel_orders, name="cancel_account"),
    path("exchange-accounts/trades/<uuid:fill_id>/assign/", account_views.assign, name="assign_fill"),
    path("approvals/<uuid:approval_id>/approve/", approvals.let_go, name="approve"),
    path("approvals/<uuid:approval_id>/reject/", approvals.turn_down, name="reject"),
    path("order-templates/", template_views.template_list, name="templates"),
    path("order-templates/new/", template_views.new, name="new_template"),
    path("order-templates/<uuid:template_id>/", template_views.edit, name="edit_template"),
    path("order-templates/<uuid:template_id>/delete/", template_views.delete, name="delete_template"),
    path("plans/<uuid:plan_id>/", plans.plan, name="plan"),
    path("plans/<uuid:plan_id>/panel/", plans.plan_panel, name="plan_panel"),
    path("plans/<uuid:plan_id>/pause/", plans.pause, name="pause_plan"),
    path("plans/<uuid:plan_id>/resume/", plans.resume, name="resume_plan"),
    path("plans/<uuid:plan_id>/stop/", plans.stop, name="stop_plan"),
    path("portfolios/<uuid:portfolio_id>/signals/", signals.signals, name="signals"),
    path("signals/<uuid:source_id>/secret/", signals.renew, name="renew_signals"),
    path("signals/<uuid:source_id>/switch/", signals.switch, name="switch_signals"),
    path("follows/", views.follow_list, name="follows"),
    path("follows/<uuid:follow_id>/pause/", views.pause, name="pause"),
    path("follows/<uuid:follow_id>/resume/", copy_views.resume, name="resume"),
    path("follows/<uuid:follow_id>/stop/", views.stop, name="stop"),
    path("follows/<uuid:follow_id>/guards/", follow_views.guards, name="guards"),
    path("follows/<uuid:follow_id>/settings/", copy_views.settings, name="copy_settings"),
    path("follows/<uuid:follow_id>/plan/", copy_views.plan, name="copy_plan"),
    path("safety/mine/", risk.switch_mine, name="switch_mine"),
    path("safety/mine/close-all/", risk.close_mine, name="close_mine"),
]
