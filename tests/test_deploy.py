"""What a Heroku-style platform reads of this tree."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROCFILE = dict(
    line.split(": ", 1) for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines() if line
)


COMMANDS = {"web": "serve", "worker": "work", "release": "migrate"}


@pytest.mark.parametrize("process", COMMANDS)
@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize(
    ("given", "file"), [(None, "config.toml"), ("", "config.toml"), ("a b.toml", "a b.toml")]
)
def test_each_process_starts_its_command(process: str, shell: str, given: str | None, file: str) -> None:
    show = 'python() { printf "%s\\n" "$@"; }; '
    environment = {"PATH": os.defpath} | ({} if given is None else {"BRIDGE_CONFIG": given})
    done = subprocess.run(
        [shell, "-c", show + PROCFILE[process]], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == ["-m", "bridge", COMMANDS[process], "--config", file]


def test_every_process_is_looked_at() -> None:
    assert PROCFILE.keys() == COMMANDS.keys()


def test_the_app_s_variables_and_database() -> None:
    app = json.loads((ROOT / "app.json").read_text(encoding="utf-8"))

    assert {*app["env"]} == {"SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN", "BRIDGE_CONFIG"}
    assert all(variable["description"] for variable in app["env"].values())
    assert [addon["plan"].partition(":")[0] for addon in app["addons"]] == ["heroku-postgresql"]
    assert app["formation"].keys() <= PROCFILE.keys()


def test_the_platform_s_python_is_one_we_say_we_run_on() -> None:
    version = (ROOT / ".python-version").read_text(encoding="utf-8").strip()

    assert re.fullmatch(r"3\.\d+", version)
    assert f"Programming Language :: Python :: {version}" in (ROOT / "pyproject.toml").read_text("utf-8")
