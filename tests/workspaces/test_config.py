"""Workspaces in config.toml and in the environment: what is read, and what is said of what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from bridge import config
from bridge.adapter import Secrets, Settings
from bridge.config import Config
from bridge.errors import ConfigError
from bridge.registry import adapters
from tests.test_config import Pigeon

FILE = """
[workspaces.emea]
channel_rate = 2.0

[sources.acme-gptbots]
vendor = "gptbots"
bot_ids = ["65a0c0ffee00000000000001"]

[[routes]]
match = { language = "fr" }
workspace = "emea"
channel = "C0EMEA"

[[routes]]
channel = "C0MAIN"
"""
SOURCE = {"ACME_GPTBOTS_API_KEY": "key", "ACME_GPTBOTS_PATH_TOKEN": "path"}
MAIN = {"SLACK_BOT_TOKEN": "xoxb-main", "SLACK_SIGNING_SECRET": "main"}
EMEA = {"EMEA_SLACK_BOT_TOKEN": "xoxb-emea"}

Load = Callable[[str, dict[str, str]], Config]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(text: str, environ: dict[str, str]) -> Config:
        path = tmp_path / "config.toml"
        path.write_text(text)
        return config.load(path, {**SOURCE, **environ}, adapters())

    return load


def test_one_app_in_two_workspaces_has_its_secrets_once(load: Load) -> None:
    found = load(FILE, {**MAIN, **EMEA, "SLACK_APP_TOKEN": "xapp-main"})

    main, emea = found.workspaces.values()
    assert [route.workspace for route in found.routes] == ["emea", "slack"]
    assert (main.name, main.key, emea.name, emea.key) == ("slack", "slack", "emea", "slack:emea")
    assert (main.slack.channel_rate, emea.slack.channel_rate) == (1.0, 2.0)
    assert emea.bot_token == SecretStr("xoxb-emea")
    assert (emea.signing_secrets, emea.app_token) == ((SecretStr("main"),), SecretStr("xapp-main"))
    assert emea.signing_variable == main.signing_variable == "SLACK_SIGNING_SECRET"


@pytest.mark.parametrize(
    ("own", "signing", "app"),
    [
        ({"EMEA_SLACK_SIGNING_SECRET": "own, before"}, ["own", "before"], None),
        ({"EMEA_SLACK_APP_TOKEN": "xapp-own"}, ["main"], "xapp-own"),
        ({"EMEA_SLACK_SIGNING_SECRET": "own", "EMEA_SLACK_APP_TOKEN": "xapp-own"}, ["own"], "xapp-own"),
    ],
)
def test_an_app_of_its_own_has_its_own(
    load: Load, own: dict[str, str], signing: list[str], app: str | None
) -> None:
    emea = load(FILE, {**MAIN, **EMEA, "SLACK_APP_TOKEN": "xapp-main", **own}).workspaces["emea"]

    assert [one.get_secret_value() for one in emea.signing_secrets] == signing
    assert (emea.app_token.get_secret_value() if emea.app_token else None) == app
    assert "xapp" not in repr(emea) and "own," not in repr(emea)


def test_the_first_is_left_out_where_no_route_wants_it(load: Load) -> None:
    everywhere = FILE.replace('channel = "C0MAIN"', 'channel = "C0MAIN"\nworkspace = "emea"')

    alone = load(everywhere, {**EMEA, "EMEA_SLACK_SIGNING_SECRET": "own"})
    assert list(alone.workspaces) == ["emea"]
    assert list(load(everywhere, {**MAIN, **EMEA}).workspaces) == ["slack", "emea"]


@pytest.mark.parametrize(
    ("change", "environ", "said"),
    [
        (
            ('workspace = "emea"', 'workspace = "emae"'),
            {},
            "routes.0.workspace: no workspace has this name; did you mean 'emea'?",
        ),
        (
            ('workspace = "emea"', 'workspace = "apac"'),
            {},
            "routes.0.workspace: no workspace has this name; it is one of: slack, emea",
        ),
        (
            ("channel_rate", "chanel_rate"),
            {},
            "workspaces.emea.chanel_rate: unknown key; did you mean 'channel_rate'?",
        ),
        (("[workspaces.emea]", "[workspaces.EMEA]"), {}, "workspaces.EMEA: is not a name: small letters"),
        (
            ("[workspaces.emea]", "[workspaces.emea]\n[workspaces.slack]"),
            {},
            "workspaces.slack: is the name of [slack]; choose another",
        ),
        (
            ("", ""),
            {"EMEA_SLACK_BOT_TOKEN": ""},
            "environment: EMEA_SLACK_BOT_TOKEN is not set; it is the app's bot token (xoxb-…)",
        ),
        (
            ("", ""),
            {"SLACK_BOT_TOKEN": " "},
            "environment: SLACK_BOT_TOKEN is not set; it is the app's bot token (xoxb-…)",
        ),
        (
            ("", ""),
            {"SLACK_SIGNING_SECRET": ""},
            "environment: EMEA_SLACK_SIGNING_SECRET is not set, nor is SLACK_SIGNING_SECRET; "
            "it is the app's signing secret",
        ),
    ],
)
def test_what_is_wrong_is_said(
    load: Load, change: tuple[str, str], environ: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError) as told:
        load(FILE.replace(*change, 1), {**MAIN, **EMEA, **environ})
    assert said in str(told.value)


class OwlSecrets(Secrets):
    bot_token: SecretStr


class Owl:
    vendor = "owl"
    settings = Settings
    secrets = OwlSecrets
    capabilities = Pigeon.capabilities
    __init__, receive, send = Pigeon.__init__, Pigeon.receive, Pigeon.send


def test_no_variable_is_read_for_two(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        FILE.replace("acme-gptbots", "emea-slack").replace("gptbots", "owl").replace("bot_ids", "#")
    )
    with pytest.raises(ConfigError) as told:
        config.load(path, {**MAIN, **EMEA}, {"owl": Owl})
    assert (
        "environment: EMEA_SLACK_BOT_TOKEN would be read for workspaces.emea and for sources.emea-slack; "
        "rename one of them"
    ) in str(told.value)
