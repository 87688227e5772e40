"""A database of the release before strategies were graphs: it migrates, keeps what strategies did, and its books agree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tools.seed_old import read_dump

DUMP = Path(__file__).with_name("release_0_1.sql.gz")
VERSIONS = """
import json
from engine.strategy.graph import graph_hash
from engine.strategy.schema import from_json
from strategies.faces import faces_of
from strategies.models import StrategyVersion
rows = StrategyVersion.objects.order_by("strategy__name", "number").select_related("strategy")
print(json.dumps([
    [one.strategy.name, one.strategy.template, one.number, one.timeframe, faces_of(one.graph).template,
     {name: value and str(value) for name, value in faces_of(one.graph).values.items()},
     one.graph_hash == graph_hash(from_json(one.graph)) and one.graph == faces_of(one.graph).graph]
    for one in rows
]))
"""


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("old")
    read_dump(DUMP, folder / "old.sqlite3")
    own = {"DATABASE_URL": f"sqlite:///{folder / 'old.sqlite3'}", "SLIPSTREAM_VAR_DIR": str(folder), "REDIS_URL": ""}
    return {**os.environ, **own}


def manage(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=250,
    )
    return done.stdout


@pytest.mark.timeout(300)
def test_a_database_of_the_first_release_migrates_and_its_books_agree(old: dict[str, str]) -> None:
    manage(old, "migrate", "--verbosity", "0")
    versions = json.loads(manage(old, "shell", "--no-imports", "--verbosity", "0", "-c", VERSIONS))
    as_graphs = [
        ["Edited", 1, "5m", {"fast": "3", "slow": "8", "share": "0.2", "stop_loss": "0.003"}],
        ["Edited", 2, "15m", {"fast": "5", "slow": "20", "share": "0.12345", "stop_loss": "0.025"}],
        ["Without a stop", 1, "1h", {"fast": "12", "slow": "26", "share": "0.2", "stop_loss": None}],
    ]
    assert versions == [[name, "ema_cross", *rest, "ema_cross", values, True] for name, *rest, values in as_graphs]
    # One line per check; a failed one would have ended the command with 1.
    assert {line.split()[0] for line in manage(old, "check_books").splitlines() if line} == {"ok"}
