"""Addresses of the trading API, under /api/v1/."""

from django.urls import path

from trading import api, bulk_api, console_api, copy_api, export_api, follow_api, margin_api, template_api
from trading.approvals import api as approvals
from trading.copy_accounts import api as copy_accounts
from trading.plans import api as plans
from trading.risk import api as risk
from trading.signals import api as signals

app_name = "trading_api"

urlpatterns = [
    path("orders/", api.OrdersView.as_view(), name="orders"),
    path("orders/export/", export_api.OrdersExportView.as_view(), name="orders_export"),
    path("fills/export/", export_api.FillsExportView.as_view(), name="fills_export"),
    path("orders/<uuid:order_id>/", api.OrderView.as_view(), name="order"),
    path("orders/<uuid:order_id>/cancel/", api.CancelView.as_view(), name="cancel"),
    path("orders/<uuid:order_id>/entries/", bulk_api.EntriesView.as_view(), name="entries"),
    path("portfolios/<uuid:portfolio_id>/orders/bulk/", bulk_api.BulkView.as_view(), name="bulk"),
    path("approvals/", approvals.ApprovalsView.as_view(), name="approvals"),
    path("approvals/<uuid:approval_id>/", approvals.ApprovalView.as_view(), name="approval"),
    path("approvals/<uuid:approval_id>/approve/", approvals.ApproveView.as_view(), name="approve"),
    path("approvals/<uuid:approval_id>/reject/", approvals.RejectView.as_view(), name="reject"),
    path("order-templates/", template_api.OrderTemplatesView.as_view(), name="templates"),
    path("order-templates/<uuid:template_id>/", template_api.OrderTemplateView.as_view(), name="template"),
    path("orders/pairs/", api.PairsView.as_view(), name="pairs"),
    path("orders/cancel/", api.CancelAllView.as_view(), name="cancel_all"),
    path("positions/close/", api.ClosingView.as_view(), name="close"),
    path("fills/", api.FillsView.as_view(), name="fills"),
    path("fills/<uuid:fill_id>/", api.FillView.as_view(), name="fill"),
    path("plans/", plans.PlansView.as_view(), name="plans"),
    path("plans/preview/", plans.PreviewView.as_view(), name="preview_plan"),
    path("plans/<uuid:plan_id>/", plans.PlanView.as_view(), name="plan"),
    path("plans/<uuid:plan_id>/pause/", plans.PausePlanView.as_view(), name="pause_plan"),
    path("plans/<uuid:plan_id>/resume/", plans.ResumePlanView.as_view(), name="resume_plan"),
    path("plans/<uuid:plan_id>/stop/", plans.StopPlanView.as_view(), name="stop_plan"),
    path("portfolios/<uuid:portfolio_id>/followers/", console_api.FollowersView.as_view(), name="followers"),
    path("signals/<uuid:source_id>/", signals.SignalView.as_view(), name="signal"),
    path("signal-sources/", signals.SourcesView.as_view(), name="signal_sources"),
    path("signal-sources/<uuid:source_id>/", signals.SourceView.as_view(), name="signal_source"),
    path("signal-sources/<uuid:source_id>/secret/", signals.SecretView.as_view(), name="signal_secret"),
    path("follows/", api.FollowsView.as_view(), name="follows"),
    path("follows/terms/", follow_api.TermsView.as_view(), name="follow_terms"),
    path("follows/<uuid:follow_id>/", api.FollowView.as_view(), name="follow"),
    path("follows/<uuid:follow_id>/profit-share/", copy_accounts.ProfitShareView.as_view(), name="profit_share"),
    path("follows/<uuid:follow_id>/shortfall/", copy_accounts.ShortfallView.as_view(), name="shortfall"),
    path("follows/<uuid:follow_id>/pause/", api.PauseView.as_view(), name="pause"),
    path("follows/<uuid:follow_id>/resume/", api.ResumeView.as_view(), name="resume"),
    path("follows/<uuid:follow_id>/stop/", api.StopView.as_view(), name="stop"),
    path("follows/<uuid:follow_id>/guards/", follow_api.GuardsView.as_view(), name="guards"),
    path("follows/<uuid:follow_id>/protective-stop/", follow_api.ProtectionView.as_view(), name="protective_stop"),
    path("follows/<uuid:follow_id>/settings/", copy_api.CopySettingsView.as_view(), name="copy_settings"),
    path("follows/<uuid:follow_id>/log/", copy_api.FollowLogView.as_view(), name="follow_log"),
    path("follows/<uuid:follow_id>/plan/", copy_api.CopyPlanView.as_view(), name="copy_plan"),
    path("safety/", api.SafetyView.as_view(), name="safety"),
    path("safety/<str:scope>/<str:scope_id>/", risk.ScopeSafetyView.as_view(), name="scope_safety"),
    path("close-all/", risk.CloseAllView.as_view(), name="close_all"),
    path(
        "portfolios/<uuid:portfolio_id>/margin/<uuid:instrument_id>/",
        margin_api.MarginTermsView.as_view(),
        name="margin_terms",
    ),
    path("portfolios/<uuid:portfolio_id>/risk/", risk.RiskView.as_view(), name="risk"),
    path("portfolios/<uuid:portfolio_id>/risk/decisions/", risk.DecisionsView.as_view(), name="risk_decisions"),
]
