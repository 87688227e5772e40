"""An empty database is made by few migrations at once, an older one step by step: both must come to the same tables."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState
from django.db.migrations.writer import MigrationWriter

OURS = ("accounts", "community", "marketplace", "markets", "portfolios", "strategies", "trading")


def models(*, at_once: bool) -> dict[tuple[str, str], dict[str, Any]]:
    loader = MigrationLoader(connection, load=False, replace_migrations=at_once)
    loader.build_graph()
    # Step by step, what is made at once is no step: it would make anew what a later step has changed.
    leaves = [node for node in loader.graph.leaf_nodes() if at_once or not loader.graph.nodes[node].replaces]
    state = loader.project_state(leaves)
    return {key: _told(model) for key, model in state.models.items() if key[0] in OURS}


def _told(model: ModelState) -> dict[str, Any]:
    """A model in an order of no meaning: in what order columns and constraints were added."""
    options = {**model.options}
    parts = {kind: sorted(map(repr, options.pop(kind, []))) for kind in ("constraints", "indexes")}
    unique = sorted(options.pop("unique_together", None) or [])
    fields = {name: MigrationWriter.serialize(field)[0] for name, field in model.fields.items()}
    return {"options": options, "unique": unique, "fields": fields, **parts}


def test_what_is_made_at_once_is_what_the_steps_come_to(db: None) -> None:
    steps, at_once = models(at_once=False), models(at_once=True)
    assert steps.keys() == at_once.keys()
    assert {key for key in steps if steps[key] != at_once[key]} == set()


def test_an_empty_database_takes_the_short_way(db: None) -> None:
    loader = MigrationLoader(connection)
    squashed = {name for app, name in loader.applied_migrations if app in OURS and "squashed" in name}
    assert len(squashed) == 6
