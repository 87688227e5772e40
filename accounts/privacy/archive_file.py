"""The archive itself: a ZIP with a JSON and a CSV file for each subject, and a README that says what is in them.

Long lists are read and written in pieces, so that an account of a million orders fits into a small worker.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet

from accounts.models import User
from accounts.registry import in_words, personal_data
from common.clock import wall_now

FACTS = "facts"
CHUNK = 2_000
# A CSV of this size is held in memory, a larger one on disk, until its JSON is written.
IN_MEMORY = 4_000_000
# What a spreadsheet takes for a formula: text that begins so gets an apostrophe.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Held:
    """One subject as it stands in the archive."""

    path: str
    words: str
    rows: int
    columns: list[str]


def write_archive(target: Path, user: User, on_part: Callable[[int, int, int], None]) -> int:
    """Write everything kept about somebody, and return how many rows that is.

    `on_part(done, all, rows)` is called after each app that was asked.
    """
    apps, held = personal_data(), list[Held]()
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for number, (label, kept) in enumerate(apps.items(), 1):
            told = kept.export(user)
            held += _write_app(archive, label, told if isinstance(told, Mapping) else {"data": told}, kept.subjects)
            on_part(number, len(apps), sum(one.rows for one in held))
        _put(archive, "schema.json", _schema(held))
        _put(archive, "README.md", _readme(user, held))
    return sum(one.rows for one in held)


def _write_app(archive: ZipFile, label: str, told: Mapping[str, Any], subjects: Mapping[str, str]) -> Iterator[Held]:
    facts = {name: one for name, one in told.items() if not _is_list(one)}
    if facts:
        path = f"{label}/{FACTS}.json"
        _put(archive, path, json.dumps(facts, cls=DjangoJSONEncoder, indent=2))
        words = "; ".join(f"`{name}`: {subjects.get(name) or in_words(name)}" for name in facts)
        yield Held(path, words, 1, list(facts))
    for name in told:
        if name not in facts:
            yield _write_list(archive, f"{label}/{name}", told[name], subjects.get(name) or in_words(name))


def _is_list(value: object) -> bool:
    return isinstance(value, QuerySet | list | tuple)


def _rows(value: Any) -> Iterator[dict[str, Any]]:
    found: Iterable[Any] = value.iterator(chunk_size=CHUNK) if isinstance(value, QuerySet) else value
    for one in found:
        yield dict(one) if isinstance(one, Mapping) else {"value": one}


def _write_list(archive: ZipFile, path: str, value: Any, words: str) -> Held:
    """Write a list as JSON, one row a line, and as CSV, in one pass over its rows."""
    rows, count = _rows(value), 0
    first = next(rows, None)
    # Rows of one query are alike; a list that an app put together may have rows that are not.
    columns = list(first or {})
    if not isinstance(value, QuerySet):
        columns = list(dict.fromkeys(chain(columns, *(map(str, row) for row in _rows(value)))))
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as spool:
        table = io.TextIOWrapper(spool, "utf-8", newline="", write_through=True)
        writer = csv.DictWriter(table, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        with archive.open(_info(f"{path}.json"), "w") as file:
            file.write(b"[")
            for row in chain([] if first is None else [first], rows):
                file.write(b"\n" if count == 0 else b",\n")
                file.write(json.dumps(row, cls=DjangoJSONEncoder).encode())
                writer.writerow({name: _cell(one) for name, one in row.items()})
                count += 1
            file.write(b"\n]\n")
        table.flush()
        spool.seek(0)
        with archive.open(_info(f"{path}.csv"), "w") as file:
            while piece := spool.read(1 << 16):
                file.write(piece)
        table.detach()
    return Held(path, words, count, columns)


def _cell(value: Any) -> str:
    """Return a value as a cell: as in the JSON, nested values as JSON, and nothing that a spreadsheet would compute."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, cls=DjangoJSONEncoder).strip('"')
    if isinstance(value, str) and text.startswith(_FORMULA):
        return f"'{text}"
    return text


def _info(path: str) -> ZipInfo:
    info = ZipInfo(path, wall_now().timetuple()[:6])
    info.compress_type = ZIP_DEFLATED
    return info


def _put(archive: ZipFile, path: str, text: str) -> None:
    archive.writestr(_info(path), text)


def _schema(held: list[Held]) -> str:
    files = {one.path: {"description": one.words, "rows": one.rows, "columns": one.columns} for one in held}
    return json.dumps({"version": 1, "made_at": wall_now(), "files": files}, cls=DjangoJSONEncoder, indent=2)


def _readme(user: User, held: list[Held]) -> str:
    lines = [
        f"# Everything kept about {user.email}",
        "",
        f"Made at {wall_now():%Y-%m-%d %H:%M} UTC. Each list is there twice, as `.json` (one row a line) and as `.csv` for",
        "spreadsheets; `facts.json` holds what is no list. Amounts are exact decimals, times are UTC, keys are those of",
        "the API. In the CSV a text that a spreadsheet would take for a formula begins with an apostrophe, and what is",
        "nested is JSON. `schema.json` names the columns of each file.",
        "",
        "| file | rows | what it holds |",
        "| --- | --- | --- |",
        *[f"| `{one.path}` | {one.rows} | {one.words} |" for one in held],
        "",
    ]
    return "\n".join(lines)
