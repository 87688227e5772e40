"""Full-text search on both databases: PostgreSQL by its own index, SQLite by looking at every row.

A table that is searched has columns of words (lower case, parted by blanks); on PostgreSQL a migration adds `vector`, a
generated and indexed column of the same words. A row matches where each word asked for begins one of its words.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from django.db import connection, models

_WORD = re.compile(r"[^\W_]+")
# Of a sentence that was pasted the first words say enough.
MOST_WORDS = 8
LONGEST = 80
# A shorter word is like too many others.
SHORTEST_MISSPELT = 4


def words_of(text: str) -> list[str]:
    """Return the words of a text, in lower case: letters and digits, whatever stands between them."""
    return [word[:LONGEST] for word in _WORD.findall(text.casefold().replace("\0", " "))]


def matching_keys(model: type[models.Model], columns: Sequence[str], words: Sequence[str]) -> np.ndarray:
    """Return the keys (int32) of the rows that match, in no order; one statement, one answer of bytes on PostgreSQL."""
    table, key = _names(model)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"SELECT string_agg(int4send({key}), ''::bytea) FROM {table} WHERE vector @@ to_tsquery('simple', %s)",  # noqa: S608  # names of a model
                [_tsquery(words)],
            )
            return np.frombuffer(bytes(cursor.fetchone()[0] or b""), dtype=">i4").astype(np.int32)
        held = " || ' ' || ".join(["' '", *(connection.ops.quote_name(name) for name in columns)])
        likes = " AND ".join([f"{held} LIKE %s"] * len(words))
        cursor.execute(f"SELECT {key} FROM {table} WHERE {likes}", [f"% {word}%" for word in words])  # noqa: S608  # names of a model
        return np.array([row[0] for row in cursor.fetchall()], dtype=np.int32)


def relevance(model: type[models.Model], keys: Sequence[int], words: Sequence[str]) -> Mapping[int, float]:
    """Return how well rows that match do so, by PostgreSQL's weights; SQLite knows none: all alike."""
    if connection.vendor != "postgresql" or not keys:
        return dict.fromkeys(keys, 0.0)
    table, key = _names(model)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {key}, ts_rank(vector, to_tsquery('simple', %s)) FROM {table} WHERE {key} = ANY(%s)",  # noqa: S608  # names of a model
            [_tsquery(words), list(keys)],
        )
        return dict(cursor.fetchall())


def corrected(model: type[models.Model], column: str, words: Sequence[str]) -> list[str]:
    """Return the words with each misspelt one replaced by the word of the table that is most like it, if any is."""
    if not (doubtful := [word for word in words if len(word) >= SHORTEST_MISSPELT]):
        return list(words)
    found = _alike(model, column, doubtful)
    return [found.get(word, word) for word in words]


def _alike(model: type[models.Model], column: str, words: Sequence[str]) -> dict[str, str]:
    table, name = connection.ops.quote_name(model._meta.db_table), connection.ops.quote_name(column)
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.execute(f"SELECT {name} FROM {table}")  # noqa: S608  # names of a model
            known = [row[0] for row in cursor.fetchall()]
            near = {word: difflib.get_close_matches(word, known, n=1, cutoff=0.7) for word in words}
            return {word: one[0] for word, one in near.items() if one}
        if not _has_trigrams():
            return {}
        cursor.execute(
            f"""
            SELECT asked.word, (
                SELECT {name} FROM {table} WHERE {name} %% asked.word
                ORDER BY similarity({name}, asked.word) DESC, {name} LIMIT 1
            ) FROM unnest(%s::text[]) AS asked(word)
            """,  # noqa: S608  # names of a model
            [list(words)],
        )
        return {word: near for word, near in cursor.fetchall() if near is not None}


@cache
def _has_trigrams() -> bool:
    """Say whether the extension could be created; whoever may not has full text alone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'")
        return bool(cursor.fetchone()[0])


def _names(model: type[models.Model]) -> tuple[str, str]:
    key = model._meta.pk.column
    assert key is not None
    return connection.ops.quote_name(model._meta.db_table), connection.ops.quote_name(key)


def _tsquery(words: Sequence[str]) -> str:
    """Words hold letters and digits only: nothing in them means anything to PostgreSQL."""
    return " & ".join(f"'{word}':*" for word in words)
