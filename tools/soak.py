"""Searches for what breaks, with fresh seeds, for as long as there is time; counts add up in a log over all runs.

python -m tools.soak [--minutes N] [--only NAME …]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from engine.strategy.formula import parse_formula, write_formula
from engine.strategy.graph import canonical_graph, graph_hash
from engine.strategy.schema import from_json, to_json
from engine.strategy.templates import TEMPLATES
from tests.engine.strategy.fuzzing import documents, formulas, survives
from tests.engine.strategy.graphs import random_graph
from tools import soak_feed
from tools.services import ServicesError, find_programs, leave_cleanly_on_signals, running_services

ROOT = Path(__file__).resolve().parent.parent
LOG = ROOT / "var" / "soak.log"
# One turn of a fuzzer; a few seconds.
INPUTS, GRAPHS = 4_000, 400
DRILL_SECONDS = 300.0
# The feeds among other jobs; alone they take all the time there is, in one go.
FEED_SECONDS = 120.0
# A thousand people among other jobs; alone they, too, take all the time there is. Starting and ending their site takes this long.
LOAD_SECONDS, LOAD_BESIDE_SECONDS = 120.0, 120.0
# Seeds of the deterministic simulation in one turn.
SEEDS = 60
# Seeds of the kill drill in one turn: they share one site. A turn takes some six minutes.
DRILLS = 5
KILL_SECONDS = 450.0
# How many times as much as `make test` asks of the API a turn asks: some 3,000 requests of each of three people.
FUZZ_FACTOR = 5
FUZZ_SECONDS = 420.0
# Jobs that go on for all of the time where they are the only ones.
ALONE = (["feed"], ["load"])
_PASSED = re.compile(r"(\d+) passed")


class Broken(Exception):
    """Something did not hold; the message is what to look at."""


@dataclass(frozen=True)
class Turn:
    """One line of the log: what was tried, with which seed, how many inputs it took, and what broke ("" nothing)."""

    at: str
    job: str
    seed: int
    count: int
    seconds: float
    failure: str = ""
    # What was measured on the way.
    note: str = ""


@dataclass(frozen=True)
class Measured:
    """How many inputs held, and what else is worth a place in the log."""

    count: int
    note: str


@dataclass(frozen=True)
class Job:
    """Something to try: `run(seed)` returns how many inputs held. `seconds`: what a turn may take, at the least that is left."""

    name: str
    run: Callable[[int], int | Measured]
    seconds: float = 15.0


def fuzz_formulas(seed: int) -> int:
    """Read thousands of texts as formulas."""
    random = Random(seed)
    valid = [template.formula for template in TEMPLATES.values()]
    valid += [write_formula(random_graph(random, random.randint(1, 12))) for _ in range(30)]
    for text in islice(formulas(random, valid), INPUTS):
        _hold(lambda text=text: survives(parse_formula, text), text)  # type: ignore[misc]  # bound at once
    return INPUTS


def fuzz_documents(seed: int) -> int:
    """Read thousands of JSON values as graphs."""
    random = Random(seed)
    valid = [to_json(random_graph(random, random.randint(1, 12))) for _ in range(30)]
    for document in islice(documents(random, valid), INPUTS):
        _hold(lambda document=document: survives(from_json, document), document)  # type: ignore[misc]  # bound at once
    return INPUTS


def turn_faces(seed: int) -> int:
    """Turn random graphs into formulas and JSON and back."""
    random = Random(seed)
    for _ in range(GRAPHS):
        graph = random_graph(random, random.randint(1, 40))
        written = write_formula(graph)
        read = parse_formula(written)
        if read != canonical_graph(graph) or graph_hash(read) != graph_hash(graph) or write_formula(read) != written:
            raise Broken(f"this formula is not its graph: {written}")
        if from_json(json.loads(json.dumps(to_json(graph)))) != graph:
            raise Broken(f"this JSON is not its graph: {json.dumps(to_json(graph))}")
    return GRAPHS


def _hold(attempt: Callable[[], object], given: object) -> None:
    try:
        attempt()
    except Exception as error:
        raise Broken(f"{type(error).__name__}: {error} for {given!r}") from error


def run_tests(*paths: str, environment: Mapping[str, str] | None = None) -> Callable[[int], int]:
    """Return a run of tests whose property tests draw by the seed."""

    def run(seed: int) -> int:
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", f"--hypothesis-seed={seed}", *paths]
        done = subprocess.run(
            command, check=False, cwd=ROOT, env={**os.environ, **(environment or {})}, capture_output=True, text=True
        )
        if done.returncode:
            raise Broken("\n".join((done.stdout + done.stderr).splitlines()[-60:]))
        passed = _PASSED.search(done.stdout)
        return int(passed[1]) if passed else 0

    return run


def simulate(seed: int) -> int:
    """Play fresh seeds against the simulated world (docs/simulation.md); the message has the shortest failing script."""
    named = f"--seeds={seed}..{seed + SEEDS - 1}"
    command = [sys.executable, "manage.py", "simulate", named]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise Broken((done.stdout + done.stderr)[-8_000:])
    return SEEDS


def fuzz_api(seed: int) -> Measured:
    """Ask the API as three people what its schema allows and what it forbids (tests/routes/fuzzing.py)."""
    with TemporaryDirectory() as folder, running_services() as services:
        noted = Path(folder) / "asked.jsonl"
        how = {"API_FUZZ_SEED": str(seed), "API_FUZZ_FACTOR": str(FUZZ_FACTOR), "API_FUZZ_LOG": str(noted)}
        run_tests("tests/routes/test_fuzz.py", environment={**services, **how})(seed)
        asked: Counter[str] = Counter()
        for line in noted.read_text().splitlines():
            one = json.loads(line)
            asked[one["asker"]] += sum(one["asked"].values())
    return Measured(asked.total(), ", ".join(f"{asker} {count}" for asker, count in sorted(asked.items())))


def drill(seed: int) -> int:
    """Kill workers in the middle of a replay, on a PostgreSQL and a Redis of its own."""
    with running_services() as environment:
        return run_tests("tests/strategies/replay/test_kill_drill.py", environment=environment)(seed)


def kill(seed: int) -> int:
    """Kill the processes of a whole site while people trade at a test exchange (docs/drill.md)."""
    _said_by("tools.drill", f"--seeds={seed}..{seed + DRILLS - 1}")
    return DRILLS


def load(seed: int, seconds: float) -> Measured:
    """Let a thousand people at a whole site (tools/load); how long they waited is the note."""
    said = _said_by("tools.load", f"--seed={seed}", f"--seconds={seconds}").strip().splitlines()[-1]
    return Measured(int(json.loads(said)["requests"]), said)


def _said_by(module: str, *arguments: str) -> str:
    """Run a module that has a site of its own, and return what it says; raises Broken where it says that something is."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            said, _ = process.communicate()
        except BaseException:
            # It has a site to end.
            process.terminate()
            process.wait()
            raise
    if process.returncode:
        raise Broken(said[-8_000:])
    return said


def jobs(alone_seconds: float = 0.0) -> dict[str, Job]:
    """Return what can be tried here, by name; says what is left out. A job that is alone has so many seconds in one go."""
    feed_seconds, load_seconds = alone_seconds or FEED_SECONDS, alone_seconds or LOAD_SECONDS
    found = [
        Job("formulas", fuzz_formulas),
        Job("documents", fuzz_documents),
        Job("faces", turn_faces),
        Job("simulate", simulate, 60.0),
        Job("look_ahead", run_tests("tests/engine/strategy/test_look_ahead.py"), 60.0),
    ]
    found.append(Job("feed", lambda seed: soak_feed.run(seed, feed_seconds), feed_seconds + 60.0))
    if any((ROOT / "tests/engine/simulation").glob("test_*.py")):
        found.append(Job("simulation", run_tests("tests/engine/simulation"), 120.0))
    else:
        print("left out: simulation (no tests/engine/simulation)", file=sys.stderr)
    if missing := find_programs().missing:
        print(f"left out: api, drill, kills, load ({missing} not installed)", file=sys.stderr)
    else:
        found.append(Job("api", fuzz_api, FUZZ_SECONDS))
        found.append(Job("drill", drill, DRILL_SECONDS))
        found.append(Job("kills", kill, KILL_SECONDS))
        found.append(Job("load", lambda seed: load(seed, load_seconds), load_seconds + LOAD_BESIDE_SECONDS))
    return {job.name: job for job in found}


def soak(chosen: Sequence[Job], seconds: float, log: Path) -> Iterator[Turn]:
    """Try the jobs in turn until the time is up, each at least once if it can be; write a line of the log per turn."""
    log.parent.mkdir(parents=True, exist_ok=True)
    ends_at = time.monotonic() + seconds
    first = True
    while first or time.monotonic() < ends_at:
        for job in chosen:
            if first or ends_at - time.monotonic() > job.seconds:
                turn = _turn(job, int.from_bytes(os.urandom(4)))
                with log.open("a") as lines:
                    lines.write(json.dumps(asdict(turn)) + "\n")
                yield turn
            elif ends_at - time.monotonic() <= min(each.seconds for each in chosen):
                return
        first = False


def _turn(job: Job, seed: int) -> Turn:
    started, at = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    held: int | Measured = 0
    failure = ""
    try:
        held = job.run(seed)
    except (Broken, ServicesError) as error:
        failure = str(error)
    except Exception as error:  # whatever it is, it is what we are looking for
        failure = f"{type(error).__name__}: {error}"
    count, note = (held.count, held.note) if isinstance(held, Measured) else (held, "")
    return Turn(at, job.name, seed, count, round(time.monotonic() - started, 1), failure, note)


def totals(log: Path) -> str:
    """Return a table of everything that the log holds, over all runs."""
    turns = [Turn(**json.loads(line)) for line in log.read_text().splitlines()]
    lines = [f"{'job':<12}{'turns':>8}{'inputs':>12}{'minutes':>10}{'broken':>8}"]
    for name in dict.fromkeys(turn.job for turn in turns):
        mine = [turn for turn in turns if turn.job == name]
        inputs, minutes = sum(turn.count for turn in mine), sum(turn.seconds for turn in mine) / 60
        lines.append(f"{name:<12}{len(mine):>8}{inputs:>12,}{minutes:>10.1f}{sum(bool(t.failure) for t in mine):>8}")
    return "\n".join(lines)


def main(arguments: Sequence[str], log: Path = LOG) -> int:
    """Soak; return 0 when nothing broke in this run, 1 when something did, 2 for an unknown name."""
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="how long; every job gets one turn at least")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these jobs alone")
    options = parser.parse_args(arguments)
    known = jobs(options.minutes * 60) if options.only in ALONE else jobs()
    names = options.only or list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"There is no job {unknown[0]}; there are {', '.join(known)}.", file=sys.stderr)
        return 2
    leave_cleanly_on_signals()
    broken = False
    for turn in soak([known[name] for name in names], options.minutes * 60, log):
        print(
            f"{turn.job} {turn.seed}: {turn.failure or f'{turn.count} held'} ({turn.seconds} s) {turn.note}".rstrip(),
            file=sys.stderr,
            flush=True,
        )
        broken |= bool(turn.failure)
    print(totals(log))
    return int(broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
