"""Laws of the house that no linter knows. Each is asked of the project, and of a case that breaks it."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import models

ROOT = Path(__file__).resolve().parent.parent
LINES_PER_FILE = 500
LINES_PER_FUNCTION = 70
WRITTEN_BY_HAND = {".css", ".html", ".js", ".md", ".py", ".toml"}
GENERATED = re.compile(
    r"(^|/)(migrations/\d|package-lock\.json$|requirements[\w-]*\.txt$|slipstream_client/models\.py$)"
)
# Spelled in parts, so that this file keeps its own law.
REGISTRIES = re.compile(
    "|".join(["py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.(org|com)", r"deb\." + "debian"])
)


def project_files() -> list[Path]:
    """Return every text file that is, or is about to be, in the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    paths = (ROOT / name for name in names if name)
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()]


def is_written(path: Path) -> bool:
    return path.suffix in WRITTEN_BY_HAND and not GENERATED.search(path.relative_to(ROOT).as_posix())


def long_functions(source: str) -> list[str]:
    """Name the functions of a Python source that are longer than the law allows, docstring and decorators included."""
    functions = (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return [f.name for f in functions if (f.end_lineno or f.lineno) - f.lineno + 1 > LINES_PER_FUNCTION]


def floors() -> dict[str, int]:
    """Return each app's floor, the lowest first, from the contract that the import linter checks."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    contract = next(c for c in settings["contracts"] if c["id"] == "floors")
    layers = list(reversed(contract["layers"]))
    return {name.strip(): height for height, layer in enumerate(layers) for name in layer.split("|")}


def foreign_keys(listed: Iterable[type[models.Model]]) -> Iterator[tuple[str, str, str]]:
    """Yield (app, field's full name, target's app) of every relation that a model itself declares."""
    for model in listed:
        for field in (*model._meta.local_fields, *model._meta.local_many_to_many):
            if field.remote_field:
                yield (
                    model._meta.app_label,
                    f"{model._meta.label}.{field.name}",
                    field.remote_field.model._meta.app_label,
                )


def climbing(relations: Iterable[tuple[str, str, str]]) -> list[str]:
    """Name the relations that point to an app on a higher floor."""
    height = floors()
    return [
        f"{name} -> {target}"
        for app, name, target in relations
        if app in height and target in height and height[target] > height[app]
    ]


def test_no_file_is_too_long_to_be_read() -> None:
    too_long = {
        path.relative_to(ROOT).as_posix(): lines
        for path in filter(is_written, project_files())
        if (lines := len(path.read_text().splitlines())) > LINES_PER_FILE
    }
    assert too_long == {}


def test_no_function_is_too_long_to_be_read() -> None:
    too_long = {
        path.relative_to(ROOT).as_posix(): names
        for path in filter(is_written, project_files())
        if path.suffix == ".py" and (names := long_functions(path.read_text()))
    }
    assert too_long == {}


def test_a_function_is_too_long_from_its_71st_line_on() -> None:
    body = "    x = 1\n" * (LINES_PER_FUNCTION - 1)
    assert long_functions(f"def fits():\n{body}") == []
    assert long_functions(f"def grows():\n{body}    x = 2\n") == ["grows"]


def test_no_file_names_a_package_registry() -> None:
    named = [path.relative_to(ROOT).as_posix() for path in project_files() if REGISTRIES.search(path.read_text())]
    assert named == []


@pytest.mark.parametrize("host", ["https://py" + "pi.org/simple", "registry.npm" + "js.org", "deb." + "debian.org"])
def test_a_registry_is_recognised(host: str) -> None:
    assert REGISTRIES.search(f'"resolved": "{host}/a.tgz"')


def test_relations_of_models_obey_the_floors() -> None:
    assert climbing(foreign_keys(apps.get_models(include_auto_created=True))) == []


def test_a_relation_that_climbs_is_recognised() -> None:
    up = ("accounts", "accounts.User.portfolio", "portfolios")
    down = ("portfolios", "portfolios.Portfolio.owner", "accounts")
    beside = ("trading", "trading.Order.parent", "trading")
    outside = ("accounts", "accounts.User.groups", "auth")
    assert climbing([up, down, beside, outside]) == ["accounts.User.portfolio -> portfolios"]


def test_floors_are_those_of_the_import_contract() -> None:
    height = floors()
    assert height["engine"] == height["common"] == 0
    assert height["accounts"] < height["markets"] < height["portfolios"] < height["trading"] < height["config"]


def clock_driven(fields: Iterable[models.Field[Any, Any]]) -> list[str]:
    """Name the fields that Django would fill from the system's clock, past common.clock."""
    return [
        field.name for field in fields if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    ]


def test_no_field_of_ours_reads_the_system_clock() -> None:
    ours = [model for model in apps.get_models() if model._meta.app_label in floors()]
    assert {model._meta.label: names for model in ours if (names := clock_driven(model._meta.local_fields))} == {}


def test_a_clock_driven_field_is_recognised() -> None:
    fields = [models.DateTimeField(name="told"), models.DateTimeField(auto_now_add=True, name="made")]
    assert clock_driven(fields) == ["made"]


INCLUDED = re.compile(r'\{% include "(?P<name>[^"]+)"(?P<given>[^%]*) only %\}')


def tokenless(templates: dict[str, str]) -> list[str]:
    """Name what is included without the token that its forms are to send: `only` keeps it out, and sending is refused."""
    return [
        f"{name}: {found['name']}"
        for name, text in templates.items()
        for found in INCLUDED.finditer(text)
        if "csrf_token" in templates.get(found["name"], "") and "csrf_token=" not in found["given"]
    ]


def test_every_form_gets_its_token() -> None:
    folder = ROOT / "templates"
    assert tokenless({path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.html")}) == []


def test_a_form_without_its_token_is_recognised() -> None:
    form = "<form>{% csrf_token %}</form>"
    lost, given, plain = (f'{{% include "f.html" {how} %}}' for how in ("only", "with csrf_token=csrf_token only", ""))
    assert tokenless({"f.html": form, "lost.html": lost, "given.html": given, "plain.html": plain}) == [
        "lost.html: f.html"
    ]


# The fees and the record of rules 1 to 40 (docs/copy-trading.md) were built with the marketplace: their tests count, too.
COPY_RULES = range(1, 41)


def rules_without_test(sources: Iterable[str]) -> list[int]:
    """Name the rules of copying that no test bears the number of: `test_rule_07_…`, `test_rules_15_and_25_…`, `test_rules_04_to_08_…`."""
    tested = set[int]()
    for source in sources:
        tested |= {int(number) for number in re.findall(r"def test_rules?_(\d\d)_", source)}
        tested |= {int(number) for number in re.findall(r"def test_rules?_\d\d_and_(\d\d)_", source)}
        for first, last in re.findall(r"def test_rules_(\d\d)_to_(\d\d)_", source):
            tested |= set(range(int(first), int(last) + 1))
    return [number for number in COPY_RULES if number not in tested]


def test_every_rule_of_copying_has_a_test_with_its_number() -> None:
    assert rules_without_test(path.read_text() for path in (ROOT / "tests").rglob("test_*.py")) == []


def test_a_rule_without_a_test_is_recognised() -> None:
    told = [
        "def test_rules_01_to_19_x",
        "def test_rules_20_and_22_x",
        "".join(f"def test_rule_{n}_x " for n in range(23, 40)),
    ]
    assert rules_without_test(told) == [21, 40]
