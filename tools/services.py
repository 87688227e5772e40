"""A PostgreSQL and a Redis of one's own for as long as a command runs.

They listen on free ports of 127.0.0.1 under a fresh password, live in a temporary folder, never run as root, and are
gone afterwards, whatever ended the command. No other database on the machine is looked at.

    python -m tools.services [--durable] -- COMMAND …     run COMMAND with DATABASE_URL and REDIS_URL set
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

NAME = "slipstream"
READY_SECONDS = 30.0
STOP_SECONDS = 20.0
# Set beside the URLs, so that tests know these services are theirs alone and may be filled and emptied.
OWNED = "SLIPSTREAM_TEST_SERVICES"
LEFT_OUT = "SLIPSTREAM_LEFT_OUT"

_POSTGRES_FOLDERS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql*/bin")
_DISPOSABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_PR_SET_PDEATHSIG = 1
_ENDINGS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class ServicesError(Exception):
    """The services could not be had; the message is one sentence that says why and what to do."""


@dataclass(frozen=True)
class Programs:
    """Where the programs are; None where one is not installed."""

    initdb: Path | None
    postgres: Path | None
    redis: Path | None

    @property
    def missing(self) -> str:
        """Name what is not installed, or return an empty string."""
        names = {"PostgreSQL": self.initdb and self.postgres, "Redis": self.redis}
        return " and ".join(name for name, path in names.items() if not path)


def find_programs(path: str | None = None) -> Programs:
    """Find the programs on the search path (`path` or PATH), then where distributions hide those of PostgreSQL."""
    search = os.environ.get("PATH", os.defpath) if path is None else path
    hidden = (folder for pattern in _POSTGRES_FOLDERS for folder in Path("/").glob(pattern))
    folders = sorted(hidden, key=_version, reverse=True)
    initdb = shutil.which("initdb", path=os.pathsep.join([search, *map(str, folders)]))
    # A cluster only starts with the server that made it: take the neighbour of the real initdb, not any on the path.
    postgres = Path(initdb).resolve().with_name("postgres") if initdb else None
    redis = shutil.which("redis-server", path=search)
    return Programs(
        initdb=Path(initdb).resolve() if initdb else None,
        postgres=postgres if postgres and postgres.exists() else None,
        redis=Path(redis) if redis else None,
    )


def _version(folder: Path) -> int:
    digits = re.search(r"\d+", str(folder))
    return int(digits.group()) if digits else 0


@dataclass
class Server:
    """One server on its port, which may be killed and started again where it was; `memory` is what it would remember."""

    process: subprocess.Popen[bytes]
    port: int
    memory: Path
    launch: Callable[[], subprocess.Popen[bytes]]
    ready: Callable[[int], bool]

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send it a signal and wait until it is gone."""
        self.process.send_signal(number)
        self.process.wait(STOP_SECONDS)

    def start_again(self) -> None:
        """Start it with what it remembers, and wait until it answers; raises ServicesError where it does not.

        The thread that calls this must outlive it: the server dies with its parent, which to the kernel is a thread.
        """
        self.process = self.launch()
        if not _comes_up(self.process, self.ready, self.port):
            raise ServicesError(f"The server on port {self.port} did not come back.")

    def forget(self) -> None:
        """Have it start with nothing the next time; it must not run."""
        shutil.rmtree(self.memory, ignore_errors=True)


@dataclass(frozen=True)
class Services:
    """Both servers, and the environment that points at them: DATABASE_URL, REDIS_URL and the mark of ownership."""

    postgres: Server
    redis: Server
    environment: dict[str, str]


@contextmanager
def running_services(*, durable: bool = False) -> Iterator[dict[str, str]]:
    """Start both as `running_servers` does and yield the environment that points at them."""
    with running_servers(durable=durable) as services:
        yield services.environment


@contextmanager
def running_servers(*, durable: bool = False, remembers: bool = False) -> Iterator[Services]:
    """Start both and yield them.

    `durable` keeps PostgreSQL's default care for the disk (benches); without it nothing is flushed (tests). With
    `remembers` Redis keeps what it was told over a restart, and PostgreSQL (which needs `durable` for it) over a kill.
    Raises ServicesError when a program is missing or does not come up.
    """
    programs = find_programs()
    if programs.missing:
        raise ServicesError(f"{programs.missing} not found: install postgresql and redis-server.")
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        host = _Host(folder, stack, secrets.token_hex(16))
        postgres = host.start_postgres(programs, durable=durable)
        redis = host.start_redis(programs, remembers=remembers)
        environment = {
            "DATABASE_URL": f"postgres://{NAME}:{host.password}@127.0.0.1:{postgres.port}/{NAME}",
            "REDIS_URL": f"redis://:{host.password}@127.0.0.1:{redis.port}/0",
            OWNED: "1",
        }
        yield Services(postgres, redis, environment)


@contextmanager
def _folder() -> Iterator[Path]:
    """Yield a locked temporary folder; first remove those whose owner was killed before it could."""
    # Root's own temporary folder may be closed to the account that the servers run as.
    base = Path("/tmp" if os.geteuid() == 0 else tempfile.gettempdir())
    with ExitStack() as stack:
        # One at a time: who sweeps must not find a folder that another has made and not yet locked.
        with (base / f"{NAME}-services.{os.getuid()}").open("w") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            for left in base.glob(f"{NAME}-services-*"):
                with suppress(OSError), _locked(left):
                    shutil.rmtree(left, ignore_errors=True)
            folder = Path(tempfile.mkdtemp(prefix=f"{NAME}-services-", dir=base))
            stack.enter_context(_locked(folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which ends with the process; raises OSError where another holds it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


class _Host:
    """The temporary folder, the unprivileged person and the password that both servers share."""

    def __init__(self, folder: Path, stack: ExitStack, password: str) -> None:
        self.folder, self.stack, self.password = folder, stack, password
        self.account = _unprivileged_account()
        self.own(folder)

    def own(self, path: Path) -> None:
        if self.account:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def start_postgres(self, programs: Programs, *, durable: bool) -> Server:
        """Make a cluster with one database, and start it."""
        data, secret = self.folder / "postgres", self.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        self.own(secret)
        login = ["--username", NAME, "--auth", "scram-sha-256", "--pwfile", str(secret)]
        self.run([programs.initdb, "-D", data, *login, "--encoding", "UTF8", "--locale", "C", "--no-sync"])
        # Single-user mode needs neither a client program nor a running server.
        self.run([programs.postgres, "--single", "-D", data, "postgres"], given=f"CREATE DATABASE {NAME};\n")

        def command(port: int) -> list[object]:
            settings = ["listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "max_connections=200"]
            settings += [] if durable else _DISPOSABLE
            return [programs.postgres, "-D", data, *(part for setting in settings for part in ("-c", setting))]

        return self.start("postgres", command, lambda _port: _postmaster_says_ready(data), signal.SIGINT, data)

    def start_redis(self, programs: Programs, *, remembers: bool) -> Server:
        """Start a Redis, which stores nothing on the disk unless it is to remember."""

        def command(port: int) -> list[object]:
            flags = {"port": port, "bind": "127.0.0.1", "requirepass": self.password, "dir": self.folder, "save": ""}
            flags |= {"appendonly": "yes"} if remembers else {}
            return [programs.redis, *(part for flag, value in flags.items() for part in (f"--{flag}", value))]

        memory = self.folder / "appendonlydir"
        return self.start("redis", command, lambda port: _redis_answers(port, self.password), signal.SIGTERM, memory)

    def start(
        self,
        name: str,
        command: Callable[[int], list[object]],
        ready: Callable[[int], bool],
        stop: signal.Signals,
        memory: Path,
    ) -> Server:
        """Start one server on a free port; try again on another, since a free port can be taken before it is used."""
        log = self.folder / f"{name}.log"
        for _attempt in range(3):
            port = free_port()
            launch = partial(self.launch, command(port), log, stop)
            process = launch()
            if _comes_up(process, ready, port):
                return Server(process, port, memory, launch, ready)
            _stop(process, stop)
        raise ServicesError(f"{name} did not start: {_last_line(log)}.")

    def launch(self, command: Sequence[object], log: Path, stop: signal.Signals) -> subprocess.Popen[bytes]:
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for the command; the servers stay until it has finished with them.
                start_new_session=True,
                preexec_fn=_die_with_parent(stop),  # noqa: PLW1509 - one system call, no locks
                **self.as_person(),
            )
        self.stack.callback(_stop, process, stop)
        return process

    def run(self, command: Sequence[object], given: str = "") -> None:
        done = subprocess.run(
            [str(part) for part in command],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            **self.as_person(),
        )
        if done.returncode:
            reason = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
            raise ServicesError(f"{Path(str(command[0])).name} failed: {reason[-1]}")

    def as_person(self) -> dict[str, Any]:
        """Return the Popen arguments: a folder it may enter, a plain environment, another account when we are root."""
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        options: dict[str, Any] = {"cwd": self.folder, "env": environment}
        if self.account:
            options |= {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
        return options


def _unprivileged_account() -> pwd.struct_passwd | None:
    """Return whom to become, since PostgreSQL refuses to run as root; None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServicesError("PostgreSQL does not run as root and there is no other account: run this as an ordinary user.")


def _die_with_parent(stop: signal.Signals) -> Callable[[], None] | None:
    """On Linux, have the kernel stop the server when we are killed outright and cannot clean up."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, int(stop))


def free_port() -> int:
    """Return a port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _comes_up(process: subprocess.Popen[bytes], ready: Callable[[int], bool], port: int) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if ready(port):
            return True
        time.sleep(0.02)
    return False


def _postmaster_says_ready(data: Path) -> bool:
    """Read the state that the server itself writes into line 8 of its pid file, as pg_ctl does."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


def _redis_answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2:
                part = connection.recv(64)
                if not part:
                    return False
                answer += part
    except OSError:
        return False
    return answer == b"+OK\r\n+PONG\r\n"


def _stop(process: subprocess.Popen[bytes], stop: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(stop)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1].rstrip(".") if lines else "it said nothing"


def run_command(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command in this terminal, pass SIGTERM and SIGHUP on to it, and return its exit code as a shell would.

    Ctrl-C reaches the command from the terminal itself; we only wait until it is done.
    """
    inherited = {key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "REDIS_URL", OWNED}}
    process = subprocess.Popen(command, env=inherited | dict(environment))

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if process.poll() is None:
            process.send_signal(number)

    handlers = {signal.SIGTERM: pass_on, signal.SIGHUP: pass_on, signal.SIGINT: lambda _number, _frame: None}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def leave_cleanly_on_signals() -> None:
    """Turn the first SIGTERM, SIGHUP or SIGINT into SystemExit, so that every `with` on the way out cleans up."""

    def leave(number: int, _frame: FrameType | None) -> None:
        for other in _ENDINGS:
            signal.signal(other, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for number in _ENDINGS:
        signal.signal(number, leave)


def main(arguments: Sequence[str]) -> int:
    """Run a command beside the services; without them on the embedded default, unless CI=true forbids it."""
    parser = argparse.ArgumentParser(prog="python -m tools.services", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--durable", action="store_true", help="flush to the disk as a production database does")
    parser.add_argument("command", nargs="+", help="the command and its arguments, after --")
    options = parser.parse_args(arguments)
    leave_cleanly_on_signals()
    missing = find_programs().missing
    if missing and os.environ.get("CI") != "true":
        return run_command(options.command, {LEFT_OUT: f"{missing} (not installed)"})
    try:
        with running_services(durable=options.durable) as environment:
            return run_command(options.command, environment)
    except ServicesError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
