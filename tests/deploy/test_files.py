"""What platforms read of this tree: Procfile, app.json, .python-version, requirements.txt."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from honcho.environ import parse_procfile
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from bridge.__main__ import _parser
from bridge.config.sections import Server, Store
from tests.deploy.plan import LIMIT
from tests.deploy.slug import ROOT, requirements

PROCESSES: dict[str, str] = parse_procfile((ROOT / "Procfile").read_text(encoding="utf-8")).processes
APP: dict[str, Any] = json.loads((ROOT / "app.json").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
COMMANDS = {"web": "serve", "worker": "work", "release": "migrate"}

# ── Procfile ─────────────────────────────────────────────────────────────────────────────────────


def test_each_process_is_one_of_our_commands() -> None:
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()

    assert {name: f"exec python -m bridge {command}" for name, command in COMMANDS.items()} == PROCESSES
    assert len(lines) == len(PROCESSES)  # nothing that another parser could take for a process


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("process", COMMANDS)
def test_a_signal_for_the_shell_is_one_for_the_process(shell: str, process: str, tmp_path: Path) -> None:
    """Where a platform signals the first process only (`docker stop`, Fly), no shell may be before ours."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho $$\n")
    python.chmod(0o755)
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.defpath}"}

    command = [shell, "-c", PROCESSES[process]]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as started:
        told, _ = started.communicate()

    assert told.strip() == str(started.pid)


@pytest.mark.parametrize(("given", "named"), [(None, "config.toml"), ("", "config.toml"), ("a b", "a b")])
@pytest.mark.parametrize("command", [*COMMANDS.values(), "doctor"])
def test_every_command_reads_the_file_that_the_platform_names(
    command: str, given: str | None, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if given is None:
        monkeypatch.delenv("BRIDGE_CONFIG", raising=False)
    else:
        monkeypatch.setenv("BRIDGE_CONFIG", given)

    assert _parser().parse_args([command]).config == Path(named)
    assert _parser().parse_args([command, "--config", "mine"]).config == Path("mine")


# ── app.json: https://devcenter.heroku.com/articles/app-json-schema ──────────────────────────────

#: every key there is, and what it holds
KEYS = {
    "name": str, "description": str, "keywords": list, "website": str, "repository": str, "logo": str,
    "success_url": str, "scripts": dict, "env": dict, "formation": dict, "image": str, "addons": list,
    "buildpacks": list, "environments": dict, "stack": str,
}  # fmt: skip
ENV = {"description": str, "value": str, "required": bool, "generator": str}
ADDON = {"plan": str, "as": str, "options": dict}
PROCESS = {"quantity": int, "size": str}
#: https://devcenter.heroku.com/articles/dyno-types; eco is left out: it sleeps, and what waits is not carried
SIZES = {"basic", "standard-1x", "standard-2x", "performance-m", "performance-l"}


def fits(given: dict[str, Any], schema: Mapping[str, type]) -> None:
    assert given.keys() <= schema.keys()
    assert all(type(value) is schema[key] for key, value in given.items())


def test_app_json_is_as_heroku_wants_it() -> None:
    fits(APP, KEYS)
    assert re.fullmatch(r"[A-Za-z].{2,29}", APP["name"])
    assert len(APP["description"]) <= 140
    assert all(isinstance(word, str) for word in APP["keywords"])
    for name, variable in APP["env"].items():
        assert re.fullmatch(r"[A-Z][A-Z0-9_]*", name)
        fits(variable, ENV)
        assert variable["description"]
    for addon in APP["addons"]:
        fits(addon, ADDON)
    for buildpack in APP["buildpacks"]:
        fits(buildpack, {"url": str})
    for process in APP["formation"].values():
        fits(process, PROCESS)
        assert process["size"] in SIZES


def test_app_json_asks_for_what_every_bridge_needs() -> None:
    required = {name for name, one in APP["env"].items() if one.get("required", True)}

    assert required == {"SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "BRIDGE_CONFIG"}
    assert APP["env"].keys() - required == {"SLACK_APP_TOKEN"}
    assert APP["env"]["BRIDGE_CONFIG"]["value"] == "config.toml"
    assert [addon["plan"] for addon in APP["addons"]] == ["heroku-postgresql:essential-0"]
    assert [buildpack["url"] for buildpack in APP["buildpacks"]] == ["heroku/python"]
    assert APP["formation"].keys() <= PROCESSES.keys()
    assert APP["success_url"] == "/readyz"


def test_two_of_each_and_a_release_have_room_in_the_smallest_database() -> None:
    each = Store().pool + 1  # the one that listens

    assert 2 * each + 2 * each + 1 < LIMIT


# ── docs/deploy.md: what to give other platforms ─────────────────────────────────────────────────

PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
PLAIN = {name: command.removeprefix("exec ") for name, command in PROCESSES.items()}  # they have no shell


def snippet(title: str) -> str:
    (found,) = re.findall(rf"^```{title}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_fly_starts_the_same_processes() -> None:
    fly = tomllib.loads(snippet("toml fly.toml"))
    (check,) = fly["http_service"]["checks"]

    assert {**fly["processes"], "release": fly["deploy"]["release_command"]} == PLAIN
    assert (fly["http_service"]["processes"], fly["http_service"]["internal_port"]) == (
        ["web"],
        Server().port,
    )
    assert (fly["kill_signal"], fly["kill_timeout"], check["path"]) == ("SIGTERM", 30, "/healthz")
    assert f"FROM python:{(ROOT / '.python-version').read_text().strip()}-slim\n" in snippet("dockerfile")


def test_render_and_railway_start_the_same_processes() -> None:
    render = dict(re.findall(r"^ +(\w+): (.+?)(?: +#.*)?$", snippet("yaml"), re.MULTILINE))
    railway = dict(re.findall(r"^\| ([^|]+?) \| `([^`]+)`", PAGE.partition("### Railway")[2], re.MULTILINE))

    assert (render["preDeployCommand"], render["startCommand"]) == (PLAIN["release"], PLAIN["web"])
    assert (railway["pre-deploy command"], railway["start command"]) == (PLAIN["release"], PLAIN["web"])
    assert (render["healthCheckPath"], railway["healthcheck path"]) == ("/healthz", "/readyz")
    for page in map(PAGE.partition, ("### Render", "### Railway")):
        assert f"`{PLAIN['worker']}`" in page[2] or f"`startCommand: {PLAIN['worker']}`" in page[2]


# ── Python: https://devcenter.heroku.com/articles/python-support ─────────────────────────────────


def test_the_python_version_is_one_that_we_say_we_run_on() -> None:
    """One line, `N.N` for its newest patch; besides, there may be lines that are empty or comments."""
    lines = (ROOT / ".python-version").read_text(encoding="utf-8").splitlines()
    (version,) = [line.strip() for line in lines if not re.fullmatch(r"\s*(#.*)?", line)]

    assert re.fullmatch(r"3\.(0|[1-9][0-9]*)", version)
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]
    assert version in SpecifierSet(PROJECT["requires-python"])


def test_the_buildpack_finds_one_package_manager_only() -> None:
    """Else it takes one of them, or refuses; runtime.txt would win over .python-version."""
    others = {"Pipfile", "Pipfile.lock", "poetry.lock", "uv.lock", "setup.py", "runtime.txt"}

    assert (ROOT / "requirements.txt").is_file()
    assert not [name for name in others if (ROOT / name).exists()]


def test_the_requirements_are_pinned_with_hashes_and_are_all_that_is_needed() -> None:
    """pip checks hashes as soon as one line has them, and then wants them of every line:
    https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode"""
    pinned: dict[str, str] = {}
    for required, hashes in requirements():
        (pin,) = required.specifier
        assert pin.operator == "=="
        assert hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes)
        pinned[required.name.lower()] = pin.version

    for needed in map(Requirement, PROJECT["dependencies"]):
        assert pinned[needed.name.lower()] in needed.specifier
