"""Addresses of the strategies API, under /api/v1/."""

from django.urls import path

from strategies.api import definitions, knowledge, runs, studies
from strategies.grants.api import GrantsView

app_name = "strategies_api"

urlpatterns = [
    path("strategies/", definitions.StrategiesView.as_view(), name="strategies"),
    path("strategies/nodes/", knowledge.NodeTypesView.as_view(), name="node_types"),
    path("strategies/graph-schema/", knowledge.GraphSchemaView.as_view(), name="graph_schema"),
    path("strategies/templates/", knowledge.TemplatesView.as_view(), name="templates"),
    path("strategies/grants/", GrantsView.as_view(), name="grants"),
    path("strategies/check/", knowledge.CheckView.as_view(), name="check"),
    path("strategies/<uuid:strategy_id>/", definitions.StrategyView.as_view(), name="strategy"),
    path("runs/", runs.RunsView.as_view(), name="runs"),
    path("runs/<uuid:run_id>/", runs.RunView.as_view(), name="run"),
    path("runs/<uuid:run_id>/stop/", runs.StopRunView.as_view(), name="stop_run"),
    path("backtests/", studies.BacktestsView.as_view(), name="backtests"),
    path("backtests/compare/", studies.CompareView.as_view(), name="compare"),
    path("backtests/<uuid:backtest_id>/", studies.BacktestView.as_view(), name="backtest"),
    path("backtests/<uuid:backtest_id>/cancel/", studies.CancelBacktestView.as_view(), name="cancel_backtest"),
    path("backtests/<uuid:backtest_id>/equity/", studies.EquityView.as_view(), name="backtest_equity"),
    path("backtests/<uuid:backtest_id>/trades/", studies.TradesView.as_view(), name="backtest_trades"),
    path("backtests/<uuid:backtest_id>/trades.csv", studies.TradesCsvView.as_view(), name="trades_csv"),
    path("backtests/<uuid:backtest_id>/trades.parquet", studies.TradesParquetView.as_view(), name="trades_parquet"),
    path("sweeps/", studies.SweepsView.as_view(), name="sweeps"),
    path("sweeps/<uuid:sweep_id>/", studies.SweepView.as_view(), name="sweep"),
    path("sweeps/<uuid:sweep_id>/cancel/", studies.CancelSweepView.as_view(), name="cancel_sweep"),
    path("sweeps/<uuid:sweep_id>/points/", studies.PointsView.as_view(), name="points"),
]
