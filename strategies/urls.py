"""Addresses of the strategies pages, under /strategies/."""

from django.urls import path

from strategies.views import backtests, chart_data, definitions, runs, sweeps

app_name = "strategies"

urlpatterns = [
    path("", definitions.strategy_list, name="list"),
    path("new/", definitions.new, name="new"),
    path("schema.json", definitions.schema, name="schema"),
    path("check/", definitions.check, name="check"),
    path("<uuid:strategy_id>/", definitions.detail, name="detail"),
    path("<uuid:strategy_id>/edit/", definitions.edit, name="edit"),
    path("versions/<uuid:version_id>/", definitions.granted, name="granted"),
    path("versions/<uuid:version_id>/start/", runs.start, name="start"),
    path("versions/<uuid:version_id>/backtest/", backtests.try_version, name="try"),
    path("versions/<uuid:version_id>/sweep/", sweeps.sweep_version, name="sweep_version"),
    path("versions/<uuid:version_id>/sweep/count/", sweeps.count, name="sweep_count"),
    path("runs/<uuid:run_id>/", runs.run, name="run"),
    path("runs/<uuid:run_id>/stop/", runs.stop, name="stop"),
    path("backtests/", backtests.backtest_list, name="backtests"),
    path("backtests/compare/", backtests.compare, name="compare"),
    path("backtests/compare/equity.json", chart_data.compared_equity, name="compared_equity"),
    path("backtests/<uuid:backtest_id>/", backtests.backtest, name="backtest"),
    path("backtests/<uuid:backtest_id>/cancel/", backtests.cancel, name="cancel_backtest"),
    path("backtests/<uuid:backtest_id>/delete/", backtests.delete, name="delete_backtest"),
    path("backtests/<uuid:backtest_id>/trades/", backtests.trades, name="backtest_trades"),
    path("backtests/<uuid:backtest_id>/equity.json", chart_data.equity, name="backtest_equity"),
    path("backtests/<uuid:backtest_id>/prices.json", chart_data.prices, name="backtest_prices"),
    path("backtests/<uuid:backtest_id>/trades.csv", chart_data.trades_as_csv, name="trades_csv"),
    path("backtests/<uuid:backtest_id>/trades.parquet", chart_data.trades_as_parquet, name="trades_parquet"),
    path("sweeps/", sweeps.sweep_list, name="sweeps"),
    path("sweeps/<uuid:sweep_id>/", sweeps.sweep, name="sweep"),
    path("sweeps/<uuid:sweep_id>/cancel/", sweeps.cancel, name="cancel_sweep"),
    path("sweeps/<uuid:sweep_id>/delete/", sweeps.delete, name="delete_sweep"),
    path("sweeps/<uuid:sweep_id>/points/<int:number>/save/", sweeps.save, name="save_point"),
]
