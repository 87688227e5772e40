"""What of the Python client is not written by hand: `python -m tools.client_models` writes it anew.

The models come from the API's schema, the synchronous client from the asynchronous one, word by word.

What only the server judges (lengths, ranges, patterns) is left out, and a value that is new to a list of values is
taken as text: the API may add such within a version, and a client of yesterday must read the answers of tomorrow.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "clients" / "python" / "src" / "slipstream_client"
TARGET = PACKAGE / "models.py"
_SERVERS_BUSINESS = {
    "pattern", "maxLength", "minLength", "maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum", "maxItems",
    "minItems", "default", "title", "example",
}  # fmt: skip
_FORMATS = {"uuid", "decimal", "date-time", "date", "double"}
# Whole words of the asynchronous client, and what stands in their place in the other.
_WORDS = {
    "_async": "_sync",
    "AbstractAsyncContextManager": "AbstractContextManager",
    "AsyncBaseTransport": "BaseTransport",
    "AsyncClient": "Client",
    "AsyncGenerator": "Generator",
    "AsyncIterator": "Iterator",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "aclose": "close",
    "aclosing": "closing",
    "aiter_bytes": "iter_bytes",
    "aread": "read",
    "asynccontextmanager": "contextmanager",
    "asynchronous": "synchronous",
}
_PHRASES = {
    "async def ": "def ",
    "async for ": "for ",
    "async with ": "with ",
    "await ": "",
    "import asyncio": "import time",
    "asyncio.sleep": "time.sleep",
    "websockets.asyncio.client": "websockets.sync.client",
    "AsyncGenerator[LiveMessage, None]": "Generator[LiveMessage, None, None]",
    "Awaitable[T]": "T",
    "AsyncIterator, Awaitable, Callable": "AsyncIterator, Callable",
}
_MADE = "# Made of its twin in _async by `python -m tools.client_models`.\n"
_HEAD = "# Written by `python -m tools.client_models`. Schemas: sha256:"
_ARGUMENTS = (
    "--input-file-type openapi --output-model-type pydantic_v2.BaseModel --target-python-version 3.11"
    " --base-class slipstream_client.base.Model --use-standard-collections --use-union-operator --use-annotated"
    " --enum-field-as-literal all --use-schema-description --strict-nullable --disable-timestamp"
    " --collapse-root-models --formatters ruff-format"
)


def schemas_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what the models are made of: the schemas of an OpenAPI document by their names, relaxed."""
    return {name: _relaxed(one) for name, one in sorted(schema["components"]["schemas"].items())}


def fingerprint(schema: dict[str, Any]) -> str:
    """Return the hash that says which schemas a file of models was made of."""
    return hashlib.sha256(json.dumps(schemas_of(schema), sort_keys=True).encode()).hexdigest()


def written_fingerprint() -> str:
    """Return the hash that stands in the file of models."""
    with TARGET.open() as file:
        return file.readline().removeprefix(_HEAD).strip()


def _relaxed(node: Any) -> Any:
    if isinstance(node, list):
        return [_relaxed(one) for one in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("enum"), list) and node.get("type") == "string":
        kept = {key: node[key] for key in ("description", "readOnly") if key in node}
        return {**kept, "anyOf": [{"type": "string", "enum": [one for one in node["enum"] if one]}, {"type": "string"}]}
    # A property may have any of these names: only a schema's own keywords hold no schema.
    found = {key: _relaxed(one) for key, one in node.items() if key not in _SERVERS_BUSINESS or isinstance(one, dict)}
    if isinstance(found.get("format"), str) and found["format"] not in _FORMATS:
        del found["format"]
    return found


def current_schema() -> dict[str, Any]:
    """Return the OpenAPI document of the platform as it is."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from drf_spectacular.generators import SchemaGenerator

    generator: Any = SchemaGenerator()  # type: ignore[no-untyped-call]
    return dict(generator.get_schema(request=None, public=True))


def write(schema: dict[str, Any]) -> None:
    """Generate the models of a schema into the client."""
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Slipstream", "version": "1"},
        "paths": {},
        "components": {"schemas": schemas_of(schema)},
    }
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "schema.json"), Path(folder, "models.py")
        source.write_text(json.dumps(document))
        command = [sys.executable, "-m", "datamodel_code_generator", "--input", str(source), "--output", str(made)]
        subprocess.run([*command, *_ARGUMENTS.split()], cwd=ROOT, check=True)
        body = made.read_text().split("\n", 2)[2].lstrip("\n")  # without the generator's two lines of its own
    docstring = '"""The API\'s schemas as models."""\n\n'
    TARGET.write_text(f"{_HEAD}{fingerprint(schema)}\n{docstring}{body}")


def synchronous(source: str) -> str:
    """Return the synchronous twin of a source."""
    for phrase, other in _PHRASES.items():
        source = source.replace(phrase, other)
    source = re.sub(r"\b\w+\b", lambda word: _WORDS.get(word[0], word[0]), source)
    ruff = [sys.executable, "-m", "ruff"]
    for step in (["check", "--fix", "--quiet", "--select=I,SIM117"], ["format", "--quiet"]):
        command = [*ruff, *step, "--stdin-filename", str(PACKAGE / "_sync" / "twin.py"), "-"]
        source = subprocess.run(command, cwd=ROOT, input=source, capture_output=True, text=True, check=True).stdout
    return _MADE + source


def twins() -> dict[Path, Path]:
    """Return each file of the asynchronous client that has a twin, and where that is."""
    return {path: PACKAGE / "_sync" / path.name for path in sorted((PACKAGE / "_async").glob("[a-z]*.py"))}


def main() -> None:
    for source, twin in twins().items():
        twin.write_text(synchronous(source.read_text()))
    write(current_schema())


if __name__ == "__main__":
    main()
