"""Both faces that take text from anybody, given thousands of things that nobody means: each is read, or refused in words.

Seeded, so that a failure here comes again; `make soak` goes on with fresh seeds.
"""

from __future__ import annotations

import json
import sys
import threading
from itertools import islice
from random import Random

import pytest

from engine.strategy.formula import parse_formula, write_formula
from engine.strategy.graph import canonical_graph
from engine.strategy.schema import from_json, to_json
from engine.strategy.templates import TEMPLATES
from engine.strategy.types import StrategyError
from tests.engine.strategy.fuzzing import documents, formulas, survives
from tests.engine.strategy.graphs import random_graph

TEXTS, DOCUMENTS = 2500, 2500


def test_no_text_breaks_the_formula_reader() -> None:
    valid = [template.formula for template in TEMPLATES.values()]
    valid += [write_formula(random_graph(Random(seed), 4)) for seed in range(20)]
    taken = [survives(parse_formula, text) for text in islice(formulas(Random(1), valid), TEXTS)]
    assert len(taken) == TEXTS
    # The mix is worth something only while both happen.
    assert 25 < sum(taken) < TEXTS / 2


def test_no_json_breaks_the_graph_reader() -> None:
    valid = [to_json(random_graph(Random(seed), 4)) for seed in range(30)]
    assert all(survives(from_json, document) for document in valid)
    taken = [survives(from_json, document) for document in islice(documents(Random(1), valid), DOCUMENTS)]
    assert len(taken) == DOCUMENTS
    assert 25 < sum(taken) < DOCUMENTS / 2


def test_what_either_face_takes_has_all_faces() -> None:
    valid = [to_json(random_graph(Random(seed), 3)) for seed in range(10)]
    seen = 0
    for document in islice(documents(Random(2), valid), 400):
        try:
            graph = from_json(document)
        except StrategyError:
            continue
        seen += 1
        assert parse_formula(write_formula(graph)) == canonical_graph(graph)
        assert from_json(json.loads(json.dumps(to_json(graph), allow_nan=False))) == graph
    assert seen > 20


@pytest.mark.parametrize("size", [10_000, 100_000])
def test_a_huge_graph_is_refused_at_once(size: int) -> None:
    node = {"id": "a", "type": "close", "inputs": {}}
    document = {"schema": 1, "nodes": [node] * size, "outputs": {"enter_long": "a"}}
    assert not survives(from_json, document)


def test_circles_are_refused_in_the_graph_as_in_the_formula() -> None:
    nodes = [
        {"id": "a", "type": "not", "inputs": {"condition": {"node": "b"}}},
        {"id": "b", "type": "not", "inputs": {"condition": {"node": "a"}}},
    ]
    with pytest.raises(StrategyError, match="cannot rest on itself") as refused:
        from_json({"schema": 1, "nodes": nodes, "outputs": {"enter_long": "a"}})
    assert refused.value.code == "CYCLE"
    with pytest.raises(StrategyError, match="b is used before it is defined"):
        parse_formula("a = not b\nb = not a\nenter_long = a")


def test_a_formula_is_read_where_little_stack_is_left() -> None:
    """A worker's thread may have used its stack already: too deep is then a refusal like any other."""
    deep = "enter_long = " + "abs(" * 39 + "close" + ")" * 39 + " > 1"
    outcomes: list[str] = []

    def read(levels: int) -> None:
        if levels:
            read(levels - 1)
            return
        try:
            parse_formula(deep)
            outcomes.append("read")
        except StrategyError as refused:
            outcomes.append(refused.code)

    for levels in (0, sys.getrecursionlimit() - 60):
        thread = threading.Thread(target=read, args=(levels,))
        thread.start()
        thread.join()
    assert outcomes == ["read", "FORMULA_TOO_DEEP"]
