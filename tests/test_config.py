"""config.toml and the environment: what is accepted, and what is said about the rest."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, SecretStr, field_validator

from bridge import config
from bridge.adapter import Adapter, Capabilities, Received, Secrets, Settings, Webhook
from bridge.config import Config
from bridge.errors import ConfigError
from bridge.hours import Hours
from bridge.model import Reply, Sent


class PigeonSettings(Settings):
    base_url: str = "https://pigeon.example"
    loft: str
    max_age: int = Field(300, ge=1, strict=True)


class PigeonSecrets(Secrets):
    api_key: SecretStr = Field(description="the key of the pigeon's ring")
    webhook_secret: tuple[SecretStr, ...]
    token: SecretStr | None = None

    @field_validator("webhook_secret")
    @classmethod
    def _prefixed(cls, given: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(one.get_secret_value().startswith("whsec_") for one in given):
            raise ValueError("does not start with whsec_")
        return given


class Pigeon:
    vendor = "pigeon"
    settings = PigeonSettings
    secrets = PigeonSecrets
    capabilities = Capabilities()

    def __init__(self, source: str, settings: Any, secrets: Any, http: Any) -> None: ...

    def receive(self, webhook: Webhook) -> Received:
        return Received(key="1")

    async def send(self, reply: Reply) -> Sent:
        return Sent()


FILE = """
[sources.acme-pigeon]
vendor = "pigeon"
loft = "north"

[[routes]]
channel = "C0123456789"
"""
ENVIRONMENT = {
    "SLACK_BOT_TOKEN": "xoxb-the-bot",
    "SLACK_SIGNING_SECRET": "the-signing-one",
    "ACME_PIGEON_API_KEY": "the-api-key",
    "ACME_PIGEON_WEBHOOK_SECRET": "whsec_one",
}
ADAPTERS: dict[str, type[Adapter]] = {"pigeon": Pigeon, "parrot": Pigeon}

Load = Callable[..., Config]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(text: str = FILE, **environment: str | None) -> Config:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        merged = {**ENVIRONMENT, **environment}
        return config.load(path, {k: v for k, v in merged.items() if v is not None}, ADAPTERS)

    return load


def faults_of(load: Load, text: str = FILE, **environment: str | None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text, **environment)
    assert caught.value.where.endswith("config.toml")
    return caught.value.problem.splitlines()


# ── what is accepted ─────────────────────────────────────────────────────────────────────────────


def test_little_is_needed(load: Load) -> None:
    loaded = load()

    source = loaded.sources["acme-pigeon"]
    assert (source.name, source.adapter, source.settings) == (
        "acme-pigeon",
        Pigeon,
        PigeonSettings(loft="north"),
    )
    assert loaded.server == config.Server()
    assert loaded.routes == (config.Route(channel="C0123456789"),)
    (workspace,) = loaded.workspaces.values()
    assert (loaded.database_url, workspace.app_token) == (None, None)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ('"250ms"', 0.25),
        ('"30s"', 30),
        ('"1.5 m"', 90),
        ('"2h"', 7200),
        ('"1d"', 86400),
        ("7", 7),
        ("0.5", 0.5),
    ],
)
def test_a_duration(load: Load, written: str, seconds: float) -> None:
    assert load(f"[server]\ndrain = {written}\n{FILE}").server.drain == seconds


@pytest.mark.parametrize(
    ("written", "size"), [('"10B"', 10), ('"512KB"', 524288), ('"2 MB"', 2097152), ("9", 9)]
)
def test_a_size(load: Load, written: str, size: int) -> None:
    assert load(f"[server]\nmax_body = {written}\n{FILE}").server.max_body == size


@pytest.mark.parametrize("written", ['"acme-*"', '["acme-*"]'])
def test_a_match_is_one_or_several(load: Load, written: str) -> None:
    route = f'[[routes]]\nchannel = "C1234"\nmatch = {{ source = {written} }}\n'
    assert load(route + FILE).routes[0].match.source == ("acme-*",)


def test_a_route_for_handoffs(load: Load) -> None:
    route = load(
        FILE
        + """
hours = ["mon-fri 09:00-18:00", "sat 10:00-14:00"]
time_zone = "Europe/Berlin"
remind_after = ["2m", "10m"]
escalate_after = "15m"
escalate_to = "U0123456789"
alert_channel = "C0ALERTS"
digest_at = "23:59"
greeting = " One moment. "
"""
    ).routes[0]

    assert (route.reply_mode, route.mirror, route.send_delay) == ("confirm", "all", 0)
    assert (route.remind_after, route.escalate_after) == ((120, 600), 900)
    assert (route.escalate_to, route.escalate_channel) == ("U0123456789", None)
    assert (route.digest_at, route.greeting) == ("23:59", "One moment.")
    assert route.open_hours == Hours.parse(("mon-fri 09:00-18:00", "sat 10:00-14:00"), "Europe/Berlin")


def test_a_route_is_open_always_unless_it_says_otherwise(load: Load) -> None:
    assert load().routes[0].open_hours == Hours.parse((), "UTC")
    assert load(FILE + "hours = 'sun 10:00-11:00'").routes[0].open_hours == Hours.parse(
        ("sun 10:00-11:00",), "UTC"
    )


def test_the_platform_s_variables_win(load: Load) -> None:
    loaded = load(f"[server]\nport = 1\n{FILE}", PORT="5000", DATABASE_URL="postgres://u:p@h/d")

    assert loaded.server.port == 5000
    assert loaded.database_url == SecretStr("postgres://u:p@h/d")


def test_empty_variables_are_unset(load: Load) -> None:
    loaded = load(PORT="", DATABASE_URL=" ", SLACK_APP_TOKEN="", ACME_PIGEON_TOKEN="")

    assert (loaded.server.port, loaded.database_url) == (8000, None)
    assert loaded.workspaces["slack"].app_token is None
    assert loaded.sources["acme-pigeon"].secrets.token is None


def test_secrets_are_rotated_by_lists(load: Load) -> None:
    loaded = load(SLACK_SIGNING_SECRET="new, old", ACME_PIGEON_WEBHOOK_SECRET=" whsec_new,whsec_old, ")
    secrets: Any = loaded.sources["acme-pigeon"].secrets

    assert loaded.workspaces["slack"].signing_secrets == (SecretStr("new"), SecretStr("old"))
    assert secrets.webhook_secret == (SecretStr("whsec_new"), SecretStr("whsec_old"))


def test_a_single_secret_may_hold_a_comma(load: Load) -> None:
    secrets: Any = load(ACME_PIGEON_API_KEY=" a,b ").sources["acme-pigeon"].secrets

    assert secrets.api_key == SecretStr("a,b")


# ── what is refused, and in which words ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[sevrer]\nport = 1\n" + FILE, "sevrer: unknown key; did you mean 'server'?"),
        ("[server]\nprot = 1\n" + FILE, "server.prot: unknown key; did you mean 'port'?"),
        ("[store]\npaht = 'x'\n" + FILE, "store.paht: unknown key; did you mean 'path'?"),
        ("[slack]\napi_ulr = 'x'\n" + FILE, "slack.api_ulr: unknown key; did you mean 'api_url'?"),
        ("[engine]\nleese = 1\n" + FILE, "engine.leese: unknown key; did you mean 'lease'?"),
        (
            "[engine.to_slack]\ndelay = [1]\n" + FILE,
            "engine.to_slack.delay: unknown key; did you mean 'delays'?",
        ),
        (
            '[[routes]]\nchannel = "C1234"\nmatch = { source = "acme-pidgeon" }\n' + FILE,
            "routes.0.match.source: no source has the name 'acme-pidgeon'; did you mean 'acme-pigeon'?",
        ),
        (
            '[[routes]]\nchannel = "C1234"\nmatch = { source = ["acme-*", "zebra-*"] }\n' + FILE,
            "routes.0.match.source: no source has the name 'zebra-*'; it is one of: acme-pigeon",
        ),
        (
            '[[routes]]\nchannel = "C1234"\nmatch = { vendor = ["PIGEON", "parott"] }\n' + FILE,
            "routes.0.match.vendor: no vendor has the name 'parott'; did you mean 'parrot'?",
        ),
        (
            FILE.replace("loft", "base_url = 'https://[::1'\nloft"),
            "sources.acme-pigeon.base_url: is not an address that can be called: "
            "its host or its port cannot be read",
        ),
        (FILE + "chanel = 'C1'\n", "routes.0.chanel: unknown key; did you mean 'channel'?"),
        (
            FILE + "match = { sorce = 'a' }\n",
            "routes.0.match.sorce: unknown key; did you mean 'source'?",
        ),
        (
            FILE.replace("loft", "base_ulr = 'x'\nloft"),
            "sources.acme-pigeon.base_ulr: unknown key; did you mean 'base_url'?",
        ),
        ("[slack]\nqqq = 1\n" + FILE, "slack.qqq: unknown key"),
        (
            FILE.replace("loft", "api_key = 'the-api-key'\nloft"),
            "sources.acme-pigeon.api_key: a secret does not belong in the file; "
            "set ACME_PIGEON_API_KEY instead",
        ),
    ],
)
def test_an_unknown_key_names_the_nearest(load: Load, text: str, fault: str) -> None:
    assert faults_of(load, text) == [fault]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[server]\nhost = 1\n", "server.host: should be a valid string"),
        ("[server]\nport = '8000'\n", "server.port: should be a valid integer"),
        ("[server]\nport = true\n", "server.port: should be a valid integer"),
        ("[server]\nport = 65536\n", "server.port: should be less than or equal to 65535"),
        (
            "[server]\nmax_body = '1 GB'\n",
            'server.max_body: is not a size; write it like "512KB" or "1MB"',
        ),
        ("[slack]\ntimeout = 0\n", "slack.timeout: should be greater than 0"),
        ("[server]\nmax_body = 0\n", "server.max_body: should be greater than 0"),
        (
            "[server]\ndrain = '20 sec'\n",
            'server.drain: is not a duration; write it like "30s", "10m" or "6h"',
        ),
        (
            "[server]\ndrain = true\n",
            'server.drain: is not a duration; write it like "30s", "10m" or "6h"',
        ),
        ("[server]\ndrain = -1\n", "server.drain: should be greater than or equal to 0"),
        ("[server]\ndrain = inf\n", "server.drain: should be a finite number"),
        ("server = 1\n", "server: is not a table"),
        ("[store]\npool = 1.5\n", "store.pool: should be a valid integer"),
        ("[store]\nkeep = '6d'\n", 'store.keep: is less than "7d"; 0 keeps everything for ever'),
        ("[slack]\napi_url = 'slack.com'\n", "slack.api_url: is not an http or https address"),
        (
            "[slack]\napi_url = 'http://[::1'\n",
            "slack.api_url: is not an address that can be called: its host or its port cannot be read",
        ),
        ("[slack]\napi_url = 'https://x:99999'\n", "slack.api_url: is not an address that can be called"),
        ("[slack]\napi_url = 'https://x:y/'\n", "slack.api_url: is not an address that can be called"),
        ("[server]\npublic_url = 'https://@/'\n", "server.public_url: is not an address that can be called"),
        ("[server]\ndrain = '99999999999999d'\n", 'server.drain: is longer than "36500d"'),
        ('[store]\npath = "a\\u0000b"\n', "store.path: has a NUL character in it"),
        ("[slack]\nchannel_rate = '1'\n", "slack.channel_rate: should be a valid number"),
        ("[slack]\nchannel_rate = nan\n", "slack.channel_rate: should be"),
        ("[engine]\nto_slack = 1\n", "engine.to_slack: is not a table"),
        ("[engine.to_slack]\ndelays = 5\n", "engine.to_slack.delays: is not a list"),
        ("[engine.to_slack]\ndelays = []\n", "engine.to_slack.delays: is empty"),
        ("[engine.to_slack]\ndelays = [1, 'soon']\n", "engine.to_slack.delays.1: is not a duration"),
    ],
)
def test_a_wrong_value_is_named(load: Load, text: str, fault: str) -> None:
    (found,) = faults_of(load, text + FILE)
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("channel = '#support'", "routes.0.channel: is not a channel's id; it is like C0123456789"),
        ("channel = 'C0123456789 '", "routes.0.channel: is not a channel's id"),
        ("", "routes.0.channel: is missing"),
        (
            "channel = 'C12'\nreply_mode = 'loud'",
            "routes.0.reply_mode: should be 'confirm', 'live' or 'notes_only'",
        ),
        ("channel = 'C12'\nguests_may_reply = 'yes'", "routes.0.guests_may_reply: should be a valid boolean"),
        ("channel = 'C12'\nmatch = { source = 1 }", "routes.0.match.source: is not a list"),
        ("channel = 'C12'\nmatch = { source = [] }", "routes.0.match.source: is empty"),
        (
            "channel = 'C12'\nnote_prefix = ''",
            "routes.0.note_prefix: String should have at least 1 character",
        ),
        (
            "channel = 'C12'\nnote_prefix = ' !note'",
            'routes.0.note_prefix: begins with "!", as commands do (!claim)',
        ),
        ("channel = 'C12'\nmirror = 'none'", "routes.0.mirror: should be 'all' or 'handoff'"),
        ("channel = 'C12'\nsend_delay = '5'", "routes.0.send_delay: is not a duration"),
        ("channel = 'C12'\nsend_delay = -1", "routes.0.send_delay: should be greater than or equal to 0"),
        ("channel = 'C12'\nalert_channel = '#alerts'", "routes.0.alert_channel: is not a channel's id"),
        ("channel = 'C12'\nremind_after = '2m'", "routes.0.remind_after: is not a list"),
        ("channel = 'C12'\nremind_after = ['1m', 0]", "routes.0.remind_after.1: should be greater than 0"),
        ("channel = 'C12'\nremind_after = ['2m', 120]", "routes.0.remind_after: is not in ascending order"),
        ("channel = 'C12'\nremind_after = ['10m', '2m']", "routes.0.remind_after: is not in ascending order"),
        (
            "channel = 'C12'\nescalate_after = 0\nescalate_to = 'S12'",
            "routes.0.escalate_after: should be greater than 0",
        ),
        (
            "channel = 'C12'\nescalate_after = '5m'\nescalate_to = '@leads'",
            "routes.0.escalate_to: is not the id of a user group (S0123456789) or of a member (U0123456789)",
        ),
        (
            "channel = 'C12'\nescalate_after = '5m'",
            "routes.0: escalate_after needs escalate_channel or escalate_to, or both",
        ),
        (
            "channel = 'C12'\nescalate_to = 'S12'",
            "routes.0: escalate_channel and escalate_to need escalate_after",
        ),
        (
            "channel = 'C12'\nescalate_channel = 'C34'\ndigest_at = '09:00'",
            "routes.0: escalate_channel and escalate_to need escalate_after; digest_at needs alert_channel",
        ),
        ("channel = 'C12'\ndigest_at = '09:00'", "routes.0: digest_at needs alert_channel"),
        (
            "channel = 'C12'\nalert_channel = 'C34'\ndigest_at = '9:00'",
            'routes.0.digest_at: is not a time of day; write it like "09:00"',
        ),
        ("channel = 'C12'\ndigest_at = '24:00'", "routes.0.digest_at: is not a time of day"),
        (
            "channel = 'C12'\nhours = ['mon-fri 09:00-18:00', 'weekend']",
            'routes.0.hours.1: is not a time of the week; write it like "mon-fri 09:00-18:00"',
        ),
        ("channel = 'C12'\nhours = 'mon 09:00-09:00'", "routes.0.hours.0: closes when it opens"),
        (
            "channel = 'C12'\ntime_zone = 'Europe/Belrin'",
            'routes.0.time_zone: is not the name of a time zone; it is like "Europe/Berlin"; '
            "did you mean 'Europe/Berlin'?",
        ),
        ("channel = 'C12'\ngreeting = ' '", "routes.0.greeting: String should have at least 1 character"),
        (
            f"channel = 'C12'\ngreeting = '{'x' * 1001}'",
            "routes.0.greeting: String should have at most 1000 characters",
        ),
    ],
)
def test_a_wrong_route_is_named(load: Load, line: str, fault: str) -> None:
    (found,) = faults_of(load, FILE.replace('channel = "C0123456789"', line))
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "vendor: no vendor is named; it is one of: parrot, pigeon"),
        (
            "vendor = 'pidgeon'",
            "vendor: vendor 'pidgeon' is not known; it is one of: parrot, pigeon; did you mean 'pigeon'?",
        ),
        ("vendor = ['pigeon']", "vendor: vendor ['pigeon'] is not known; it is one of: parrot, pigeon"),
        ("vendor = 'pigeon'", "loft: is missing"),
        ("vendor = 'pigeon'\nloft = 'north'\nmax_age = '300'", "max_age: should be a valid integer"),
    ],
)
def test_a_wrong_source_is_named(load: Load, text: str, fault: str) -> None:
    (found,) = faults_of(load, FILE.replace('vendor = "pigeon"\nloft = "north"', text))
    assert found.startswith(f"sources.acme-pigeon.{fault}")


@pytest.mark.parametrize("name", ["Acme", "acme_pigeon", "1acme", "acme-", "-", "a b", "a" * 65])
def test_a_source_s_name_fits_an_address_and_a_variable(load: Load, name: str) -> None:
    found = faults_of(load, FILE.replace("acme-pigeon", f"'{name}'"))
    assert found[0] == f"sources.{name}: is not a name: small letters, digits and hyphens"


@pytest.mark.parametrize("text", [FILE.partition("[[routes]]")[0], FILE.partition("[[routes]]")[2]])
def test_sources_and_routes_are_needed(load: Load, text: str) -> None:
    assert any(re.fullmatch(r"(sources|routes): is missing", fault) for fault in faults_of(load, text))


def test_a_route_for_all_is_needed(load: Load) -> None:
    (found,) = faults_of(load, FILE + "match = { language = 'de' }\n")
    assert found.startswith(
        "routes: no route takes what the others leave; add a last [[routes]] without `match`"
    )


def test_a_route_behind_the_one_for_all_is_named(load: Load) -> None:
    assert faults_of(load, FILE + "[[routes]]\nchannel = 'C12'\nmatch = { language = 'de' }\n") == [
        "routes.1: is never reached; routes.0 before it has no `match`"
    ]


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        ("SLACK_BOT_TOKEN", None, "is not set; it is the app's bot token (xoxb-…)"),
        ("SLACK_BOT_TOKEN", "  ", "is not set; it is the app's bot token (xoxb-…)"),
        ("SLACK_SIGNING_SECRET", None, "is not set; it is the app's signing secret"),
        ("SLACK_SIGNING_SECRET", " , ", "is not set; it is the app's signing secret"),
        ("ACME_PIGEON_API_KEY", None, "is not set; the key of the pigeon's ring"),
        ("ACME_PIGEON_WEBHOOK_SECRET", None, "is not set; sources.acme-pigeon needs it"),
        ("ACME_PIGEON_WEBHOOK_SECRET", ",", "is not set; sources.acme-pigeon needs it"),
    ],
)
def test_a_missing_secret_names_its_variable(
    load: Load, variable: str, value: str | None, fault: str
) -> None:
    assert faults_of(load, **{variable: value}) == [f"environment: {variable} {fault}"]


def test_a_secret_of_the_wrong_form_names_its_variable_and_not_itself(load: Load) -> None:
    assert faults_of(load, ACME_PIGEON_WEBHOOK_SECRET="secret-one") == [
        "environment: ACME_PIGEON_WEBHOOK_SECRET: does not start with whsec_"
    ]


@pytest.mark.parametrize("port", ["http", "-1", "65536", "80.5"])
def test_a_wrong_port_is_named(load: Load, port: str) -> None:
    assert faults_of(load, PORT=port) == [f"environment: PORT is {port!r}, not a port number"]


def test_every_fault_is_told_at_once(load: Load) -> None:
    text = f"[server]\nprot = 1\n[engine]\npoll = 0\n{FILE.replace('loft', 'lotf')}\nchanel = 1"

    assert faults_of(load, text, SLACK_BOT_TOKEN=None, ACME_PIGEON_API_KEY=None, PORT="x") == [
        "server.prot: unknown key; did you mean 'port'?",
        "engine.poll: should be greater than 0",
        "routes.0.chanel: unknown key; did you mean 'channel'?",
        "environment: ACME_PIGEON_API_KEY is not set; the key of the pigeon's ring",
        "sources.acme-pigeon.loft: is missing",
        "sources.acme-pigeon.lotf: unknown key; did you mean 'loft'?",
        "environment: SLACK_BOT_TOKEN is not set; it is the app's bot token (xoxb-…)",
        "environment: PORT is 'x', not a port number",
    ]


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no such file\. Copy config\.example\.toml to it"):
        config.load(tmp_path / "config.toml", ENVIRONMENT, ADAPTERS)


@pytest.mark.parametrize("text", ["[server", "port = 1\nport = 2", "a = \x01"])
def test_not_toml(load: Load, text: str) -> None:
    (found,) = faults_of(load, text)
    assert re.match(r"cannot be read as TOML: .* \(at ", found)


def test_no_secret_shows(load: Load) -> None:
    secrets = {
        **ENVIRONMENT,
        "DATABASE_URL": "postgres://u:the-password@h/d",
        "SLACK_APP_TOKEN": "xapp-the-app",
        "ACME_PIGEON_TOKEN": "the-token",
    }
    loaded = load(**secrets)
    with pytest.raises(ConfigError) as caught:
        load(
            "[server]\nprot = 'x'\n" + FILE.replace("loft", "api_key = 'the-api-key'\nlotf"),
            **secrets,
            PORT="x",
        )

    shown = f"{loaded!r} {loaded} {caught.value!r} {caught.value}"
    assert "acme-pigeon" in shown
    assert [secret for secret in secrets.values() if secret in shown] == []
