"""Makes each app's migrations one again, so that an empty database is made at once: python -m tools.squash

Of an app with steps after its `0001_squashed_…`, that file is replaced by one up to the newest step. What a step does
besides making tables (RunPython, RunSQL) is named at the end: what an empty database needs of it, is added by hand.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import django
from django.apps import apps
from django.db import connection
from django.db.migrations import CreateModel, Migration, RunPython, RunSQL
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState
from django.db.migrations.writer import MigrationWriter

from common.schema import CreateModels

ROOT = Path(__file__).resolve().parent.parent
APPS = ("accounts", "markets", "portfolios", "trading", "strategies", "marketplace", "community")
TITLE = '"""All of this app\'s migrations up to {} at once: an empty database is made in a fraction of the time."""\n\n'


def steps_of(loader: MigrationLoader, app: str) -> list[str]:
    """Return an app's own steps, oldest first, without what is made at once."""
    return sorted(name for label, name in loader.disk_migrations if label == app and "squashed" not in name)


def at_once(app: str, loader: MigrationLoader, state: ProjectState) -> Migration:
    """Return the migration that makes all of an app's tables as its steps leave them."""
    steps = steps_of(loader, app)
    models = {key: model for key, model in state.models.items() if key[0] == app}
    migration: Any = Migration(f"0001_squashed_{steps[-1]}", app)
    migration.initial = True
    migration.replaces = [(app, name) for name in steps]
    migration.dependencies = sorted(
        {
            (other, max(steps_of(loader, other)) if other in APPS else name)
            for other, name in _referred(app, state, loader)
        }
    )
    migration.operations = [CreateModels([_created(model) for model in models.values()])]
    return cast(Migration, migration)


def _referred(app: str, state: ProjectState, loader: MigrationLoader) -> set[tuple[str, str]]:
    """Return the newest step of each app that this one's models refer to."""
    related = {
        field.related_model.split(".")[0].lower()
        for key, model in state.models.items()
        if key[0] == app
        for field in model.fields.values()
        if field.is_relation and isinstance(field.related_model, str)
    } - {app}
    # auth.Group and others are of apps that are not ours.
    return {node for node in loader.graph.leaf_nodes() if node[0] in related}


def _created(model: ModelState) -> CreateModel:
    options = {name: value for name, value in model.options.items() if value not in ([], set())}
    return CreateModel(model.name, list(model.fields.items()), options, model.bases, model.managers)


def main() -> None:
    """Write the files, not yet in the one format, and name what has to be looked at by hand."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    loader = MigrationLoader(connection, load=False, replace_migrations=False)
    loader.build_graph()
    leaves = [node for node in loader.graph.leaf_nodes() if not loader.graph.nodes[node].replaces]
    state = loader.project_state(leaves)
    for app in APPS:
        folder = Path(apps.get_app_config(app).path) / "migrations"
        steps = steps_of(loader, app)
        if len(steps) == 1 or (folder / f"0001_squashed_{steps[-1]}.py").exists():
            continue
        for old in folder.glob("0001_squashed_*.py"):
            old.unlink()
        migration = at_once(app, loader, state)
        path = folder / f"{migration.name}.py"
        path.write_text(TITLE.format(steps[-1][:4]) + MigrationWriter(migration, include_header=False).as_string())
        print(path.relative_to(ROOT))
        for name in steps:
            for step in loader.disk_migrations[app, name].operations:
                if isinstance(step, RunPython | RunSQL):
                    print(f"  look at {name}: {getattr(step, 'code', step)}")


if __name__ == "__main__":
    main()
