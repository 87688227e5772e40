"""The kill drill: `python -m tools.drill [--seeds 7..12] [--seconds 45]`. A line of JSON per seed; exit 1 where something differs.

The seeds are played one after the other on one site, whose books grow. A seed decides what people ask for, who is killed
and which faults strike; when, the machine has a say in.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import django

from tools.drill.stage import stage
from tools.services import leave_cleanly_on_signals


def main(arguments: Sequence[str]) -> int:
    """Play the seeds, until one finds something."""
    parser = argparse.ArgumentParser(prog="python -m tools.drill", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", default="1", help="one, or a range: 7..12")
    parser.add_argument("--seconds", type=float, default=40.0, help="how long people trade and processes die, per seed")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave what the processes said in this folder")
    options = parser.parse_args(arguments)
    first, _, last = options.seeds.partition("..")
    leave_cleanly_on_signals()
    with tempfile.TemporaryDirectory(prefix="slipstream-drill-") as made:
        folder = options.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        with stage(folder, int(first)) as site:
            os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
            django.setup()
            from tools.drill.people import assemble
            from tools.drill.playing import play

            cast = assemble(site)
            for seed in range(int(first), int(last or first) + 1):
                report = play(site, cast, seed, options.seconds)
                print(json.dumps(report), flush=True)
                if report["found"]:
                    return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
