"""The EMA crossover's parameters, the only ones there were, become the graph that they meant."""

import hashlib
import json

from django.db import migrations

BATCH = 500


def graph_of(parameters):
    """Return the canonical graph (schema 1) of stored parameters, written out: later releases must not change it."""
    stop_loss = parameters.get("stop_loss")
    cross = {"left": {"node": "fast_line"}, "right": {"node": "slow_line"}}

    def average(name):
        return {
            "id": f"{name}_line",
            "type": "ema",
            "inputs": {"series": {"node": "n1"}, "period": {"parameter": name}, "seed": "mean"},
        }

    def period(name, label):
        whole = {"minimum": 2, "maximum": 500, "integer": True}
        return {"name": name, "value": int(parameters[name]), **whole, "label": label}

    share = {"name": "share", "value": float(parameters.get("share", "0.2")), "minimum": 0.01, "maximum": 1.0}
    return {
        "schema": 1,
        "nodes": [
            {"id": "n1", "type": "close", "inputs": {}},
            average("fast"),
            average("slow"),
            {"id": "n2", "type": "crosses_above", "inputs": cross},
            {"id": "n3", "type": "crosses_below", "inputs": cross},
        ],
        "outputs": {"enter_long": "n2", "exit_long": "n3"},
        "parameters": [
            period("fast", "Fast period"),
            period("slow", "Slow period"),
            {**share, "integer": False, "label": "Share of equity"},
        ],
        "exits": {
            "stop_loss": None if stop_loss is None else float(stop_loss),
            "trailing": None,
            "take_profit": None,
            "roi": [],
            "time_stop_candles": None,
            "use_exit_signal": True,
            "exit_profit_only": False,
            "ignore_roi_if_entry_signal": False,
        },
        "sizing": {
            "kind": "share_of_equity",
            "share": {"parameter": "share"},
            "amount": 0.0,
            "atr_period": 14,
            "atr_multiple": 2.0,
            "cap": 0.25,
        },
        "entry": None,
        "max_open_trades": 1,
    }


def hash_of(graph):
    written = json.dumps(graph, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(written.encode()).hexdigest()


def convert(apps, schema_editor):
    versions = apps.get_model("strategies", "StrategyVersion").objects.using(schema_editor.connection.alias)
    waiting = []
    for version in versions.only("parameters").iterator(chunk_size=BATCH):
        version.graph = graph_of(version.parameters)
        version.graph_hash = hash_of(version.graph)
        waiting.append(version)
        if len(waiting) == BATCH:
            versions.bulk_update(waiting, ["graph", "graph_hash"])
            waiting = []
    versions.bulk_update(waiting, ["graph", "graph_hash"])


class Migration(migrations.Migration):
    dependencies = [("strategies", "0002_graphs_and_backtests")]

    operations = [migrations.RunPython(convert, migrations.RunPython.noop, elidable=True)]
