"""Track records: how long it takes to compute one anew and compare it with its seals and roots."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.bench_rows import Measurement, at_most, row

ROOT = Path(__file__).resolve().parent.parent.parent
FILLS = 1_000_000


@row(
    "verifying",
    what="verify a record of 1,000,000 fills, PostgreSQL",
    unit="s",
    target=at_most(10),
    services=True,
)
def verifying(environment: Mapping[str, str]) -> Measurement:
    """What `manage.py verify_record` does: canonical bytes, chain, seals, root and figures; then one price is changed and named."""
    with tempfile.TemporaryDirectory() as folder:
        own = {**environment, "SLIPSTREAM_VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
        command = [sys.executable, "-m", "tools.record_job", str(FILLS)]
        done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the job broke off: {done.stderr.strip()[-600:]}")
    found = json.loads(done.stdout)
    if found["wrong"] or found["found"] != [FILLS // 2]:
        raise RuntimeError(f"the record was judged wrongly: {found['wrong'][:1]} {found['found']}")
    return Measurement(found["seconds"], note=f"sealed in {found['sealed']:.0f} s, {found['seals']:,} seals")
