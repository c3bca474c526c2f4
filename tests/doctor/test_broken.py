"""`bridge doctor` on a configuration that is broken in one way: it finds that, and says what to do."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from bridge import telemetry
from bridge.sandbox.stage import free_port
from bridge.store.sealed import VARIABLE
from tests.doctor.bench import Bench
from tests.postgres import Postgres

pytestmark = pytest.mark.asyncio(loop_scope="module")

Break = Callable[[Bench], None]

LEADS = """
[[routes]]
match = { vendor = "ada" }
channel = "C0SUPPORT"
escalate_after = "10m"
escalate_to = "%s"

[[routes]]
match = { source = "acme-moveo" }"""


def says(old: str, new: str) -> Break:
    return lambda bench: bench.write(old, new)


def without(name: str) -> Break:
    return lambda bench: bench.environ.update({name: ""})


def given(name: str, value: str) -> Break:
    return lambda bench: bench.environ.update({name: value})


def escalates_to(whom: str) -> Break:
    return says('\n[[routes]]\nmatch = { source = "acme-moveo" }', LEADS % whom)


def archived(bench: Bench) -> None:
    bench.patch.setattr(bench.stage.slack.state.channels["C0VIP"], "is_archived", True)


def not_in_it(bench: Bench) -> None:
    channel, app = bench.stage.slack.state.channels["C0VIP"], bench.stage.slack.state.app.user
    bench.patch.setattr(channel, "members", [one for one in channel.members if one != app])


def without_scopes(*scopes: str) -> Break:
    def lack(bench: Bench) -> None:
        app = bench.stage.slack.state.app
        bench.patch.setattr(app, "scopes", app.scopes - set(scopes))

    return lack


def private_without_scope(bench: Bench) -> None:
    bench.write('"C0VIP"', '"C0LEADS"')
    without_scopes("groups:read")(bench)


def disabled_group(bench: Bench) -> None:
    escalates_to("S0LEADS")(bench)
    (group,) = (one for one in bench.stage.slack.state.usergroups if one["id"] == "S0LEADS")
    bench.patch.setitem(group, "date_delete", 1_700_000_000)


def gone(bench: Bench) -> None:
    escalates_to("U0LEE")(bench)
    users = bench.stage.slack.state.users
    bench.patch.setitem(users, "U0LEE", replace(users["U0LEE"], deleted=True))


def revoked(bench: Bench) -> None:
    bench.patch.setattr(bench.stage.slack.faults, "token_error", "token_revoked")


def away(bench: Bench) -> None:
    bench.write(f'public_url = "{bench.stage.bridge_url}"', f'public_url = "http://127.0.0.1:{free_port()}"')


def elsewhere(bench: Bench) -> None:
    bench.write(f'public_url = "{bench.stage.bridge_url}"', f'public_url = "{bench.stage.base}/slack"')


def on_this_machine(bench: Bench) -> None:
    """As for a real Slack; at a name that never leads anywhere (RFC 2606)."""
    bench.write(f'api_url = "{bench.stage.base}/slack/api/"', 'api_url = "https://slack.invalid/api/"')


def in_the_clear(bench: Bench) -> None:
    on_this_machine(bench)
    bench.write(f'public_url = "{bench.stage.bridge_url}"', 'public_url = "http://bridge.invalid"')


def ada(name: str, value: object) -> Break:
    return lambda bench: bench.patch.setattr(bench.stage.ada, name, value)


def gptbots(name: str, value: object) -> Break:
    return lambda bench: bench.patch.setattr(bench.stage.gptbots, name, value)


def other_token(bench: Bench) -> None:
    """In GPTBots' console."""
    url = f"{bench.stage.bridge_url}/webhooks/acme-gptbots/another-token"
    bench.patch.setattr(bench.stage.gptbots, "human_url", url)


def clock(ahead: float) -> Break:
    return lambda bench: bench.patch.setattr(bench.stage, "ahead", ahead)


def no_database(bench: Bench) -> None:
    bench.environ["DATABASE_URL"] = f"postgres://bridge:not-to-be-told@127.0.0.1:{free_port()}/bridge"


def from_the_future(bench: Bench) -> None:
    path = bench.folder / "bridge.sqlite3"
    bench.write(str(bench.stage.folder / "bridge.sqlite3"), str(path))
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
    database.close()


def not_a_folder(bench: Bench) -> None:
    (bench.folder / "a-file").touch()
    bench.write(str(bench.stage.folder / "bridge.sqlite3"), str(bench.folder / "a-file" / "bridge.sqlite3"))


def no_key(bench: Bench) -> None:
    """Before the file exists."""
    bench.write(str(bench.stage.folder / "bridge.sqlite3"), str(bench.folder / "bridge.sqlite3"))
    bench.environ[VARIABLE] = "short"


def not_installed(variable: str, package: str, module: str) -> Break:
    def lack(bench: Bench) -> None:
        bench.environ[variable] = "http://nobody@127.0.0.1:9/1"
        bench.patch.setitem(sys.modules, package, None)  # as if it were not there
        bench.patch.delitem(sys.modules, f"bridge.telemetry.{module}", raising=False)
        bench.patch.delattr(telemetry, module, raising=False)

    return lack


def no_file(bench: Bench) -> None:
    path = bench.folder / "bridge.sqlite3"
    bench.write(str(bench.stage.folder / "bridge.sqlite3"), str(path))
    path.write_text("no database at all, but some text that is long enough to be read as a page")


WRONG, WARNING = "wrong", "warning"
MANIFEST = "Put what `bridge manifest` prints in place under App Manifest, and install the app again"
WEBHOOKS = "Config > Platform > Webhooks"

# fmt: off
#: what is broken: what breaks it; the finding's subject and standing, and parts of where, what and remedy
ROWS: dict[str, tuple[Break, str, str, str, str, str]] = {
    # what cannot be read
    "a key's name": (
        says("handoff_label", "handof_label"), "configuration", WRONG, "sources.acme-ada.handof_label",
        "unknown key", "Did you mean 'handoff_label'?"),
    "no channel": (
        says('channel = "C0VIP"', ""), "configuration", WRONG, "routes.0.channel", "is missing",
        "Correct it in the file"),
    "a channel's name for its id": (
        says('"C0VIP"', '"#vip"'), "configuration", WRONG, "routes.0.channel", "is not a channel's id",
        "It is like C0123456789"),
    "no such vendor": (
        says('vendor = "ada"', 'vendor = "adda"'), "configuration", WRONG, "sources.acme-ada.vendor",
        "'adda' is not known", "It is one of: ada, gptbots, moveo; did you mean 'ada'?"),
    "not TOML": (
        says("[server]", "[server"), "configuration", WRONG, "config.toml", "cannot be read as TOML",
        "Correct it in the file"),
    "no bot token": (
        without("SLACK_BOT_TOKEN"), "configuration", WRONG, "environment", "SLACK_BOT_TOKEN is not set",
        "It is the app's bot token"),
    "no secret of a source": (
        without("ACME_ADA_WEBHOOK_SECRET"), "configuration", WRONG, "environment",
        "ACME_ADA_WEBHOOK_SECRET is not set",
        "It is the signing secret (whsec_…) of the endpoint in Ada"),
    # what can be read, and is not right
    "a person's token": (
        given("SLACK_BOT_TOKEN", "xoxp-1-of-a-person"), "configuration", WRONG, "SLACK_BOT_TOKEN",
        "is a person's token", "it begins with xoxb-"),
    "the documents' token": (
        given("SLACK_BOT_TOKEN", "xoxb-…"), "configuration", WRONG, "SLACK_BOT_TOKEN",
        "holds what is in no token", "Copy it from OAuth & Permissions"),
    "a token that expires": (
        given("SLACK_BOT_TOKEN", "xoxe.xoxb-1-for-a-day"), "configuration", WRONG, "SLACK_BOT_TOKEN",
        "is a token that expires", "Switch token rotation off"),
    "the bot's token for the app's": (
        given("SLACK_APP_TOKEN", "xoxb-of-the-bot"), "configuration", WRONG, "SLACK_APP_TOKEN",
        "is not an app-level token", "Set one (xapp-…)"),
    "what Sentry needs": (
        not_installed("SENTRY_DSN", "sentry_sdk", "faults"), "configuration", WRONG, "environment",
        "SENTRY_DSN is set, but what it needs is not installed",
        "pip install 'slack-handoff-bridge[sentry]'"),
    "what OpenTelemetry needs": (
        not_installed("OTEL_EXPORTER_OTLP_ENDPOINT", "opentelemetry", "traces"), "configuration", WRONG,
        "environment", "OTEL_EXPORTER_OTLP_ENDPOINT is set, but what it needs is not installed",
        "pip install 'slack-handoff-bridge[opentelemetry]'"),
    "Sentry's address": (
        given("SENTRY_DSN", "http://nobody@127.0.0.1:port/1"), "configuration", WRONG, "environment",
        "SENTRY_DSN is no address of a Sentry project", "Client Keys (DSN)"),
    "a signing secret's form": (
        given("SLACK_SIGNING_SECRET", "the-client-s-secret"), "configuration", WARNING,
        "SLACK_SIGNING_SECRET", "is not 32 hexadecimal digits", "Signing Secret"),
    "an address of this machine": (
        on_this_machine, "configuration", WRONG, "server.public_url", "is an address of this machine",
        "Set it to the address"),
    "an address without https": (
        in_the_clear, "configuration", WRONG, "server.public_url", "is not https", "https://…"),
    # Slack
    "a token that Slack does not know": (
        given("SLACK_BOT_TOKEN", "xoxb-of-another-app"), "slack", WRONG, "SLACK_BOT_TOKEN",
        "Slack answers invalid_auth", "Copy it from OAuth & Permissions"),
    "a token that was revoked": (
        revoked, "slack", WRONG, "SLACK_BOT_TOKEN", "Slack answers token_revoked",
        "Install the app again"),
    "Slack's address": (
        on_this_machine, "slack", WRONG, "SLACK_BOT_TOKEN", "no answer (Connect",
        "Check the network, and api_url of [slack]"),
    "a scope": (
        without_scopes("chat:write.customize"), "slack", WRONG, "scope chat:write.customize",
        "the app lacks it: messages under their author", MANIFEST),
    "a scope for files": (
        without_scopes("files:write"), "slack", WARNING, "scope files:write", "the app lacks it: files",
        MANIFEST),
    "an app token that Slack does not know": (
        given("SLACK_APP_TOKEN", "xapp-of-another-app"), "slack", WRONG, "SLACK_APP_TOKEN",
        "Slack answers invalid_auth", "switch Socket Mode on"),
    # channels
    "no such channel": (
        says('"C0VIP"', '"C0NOWHERE"'), "channels", WRONG, "C0NOWHERE (routes.0.channel)",
        "Slack answers channel_not_found", "Check the id"),
    "an archived channel": (
        archived, "channels", WRONG, "C0VIP (routes.0.channel)", "#vip is archived",
        "Unarchive the channel"),
    "a channel without the app": (
        not_in_it, "channels", WRONG, "C0VIP (routes.0.channel)", "the app is not in #vip",
        "/invite @<the app>"),
    "no scope for a private channel": (
        private_without_scope,
        "channels", WRONG, "C0LEADS (routes.0.channel)", "Slack answers missing_scope (groups:read)",
        "Add the scope to the app"),
    "no such user group": (
        escalates_to("S0NOBODY"), "channels", WRONG, "S0NOBODY (routes.0.escalate_to)",
        "is no user group", "Check the id"),
    "a disabled user group": (
        disabled_group, "channels", WARNING, "S0LEADS (routes.0.escalate_to)",
        "@support-leads is disabled", "Enable the group"),
    "nobody by this id": (
        escalates_to("U0NOBODY"), "channels", WRONG, "U0NOBODY (routes.0.escalate_to)",
        "Slack answers user_not_found", "member's id"),
    "somebody who left": (
        gone, "channels", WRONG, "U0LEE (routes.0.escalate_to)", "is deactivated",
        "Name somebody who is there"),
    # the public address
    "nothing at the address": (
        away, "address", WRONG, "http://127.0.0.1:", "nothing answers there (ConnectError)",
        "Start the bridge"),
    "something else at the address": (
        elsewhere, "address", WRONG, "/slack", "what answers there is not the bridge (404)",
        "lead to the bridge"),
    "another signing secret": (
        given("SLACK_SIGNING_SECRET", "0123456789abcdef" * 2), "address", WRONG, "/slack/events",
        "has another signing secret", "Restart it with this"),
    # sources
    "Ada's key": (
        given("ACME_ADA_API_KEY", "another-key-of-ada-s"), "sources", WRONG, "acme-ada", "answered 401",
        "Check ACME_ADA_API_KEY"),
    "Ada's address": (
        says('/ada"', '/adda"'), "sources", WRONG, "acme-ada", "answered 404", "Check base_url"),
    "no webhook of Ada's": (
        ada("webhook_url", "https://elsewhere.example/webhooks/acme-ada"), "sources", WRONG, "acme-ada",
        "no webhook of Ada's has our address", f"{WEBHOOKS}: add it"),
    "Ada's webhook disabled": (
        ada("webhook_enabled", False), "sources", WRONG, "acme-ada", "the webhook is disabled",
        f"{WEBHOOKS}: enable it"),
    "an event that Ada does not send": (
        ada("event_filters", ("v1.conversation.message",)), "sources", WARNING, "acme-ada",
        "does not send v1.conversation.ended, v1.conversation.handoff.ended",
        f"{WEBHOOKS}: choose them too"),
    "Ada's signing secret": (
        given("ACME_ADA_WEBHOOK_SECRET", "whsec_YW5vdGhlciBzZWNyZXQgb2YgQWRhJ3M="), "sources", WRONG,
        "acme-ada: ACME_ADA_WEBHOOK_SECRET", "signed with another secret",
        "copy the endpoint's signing secret"),
    "GPTBots' key": (
        given("ACME_GPTBOTS_API_KEY", "another-key-of-gptbots"), "sources", WRONG, "acme-gptbots",
        "answered code 40127", "Check ACME_GPTBOTS_API_KEY"),
    "another Agent's key": (
        says('bot_ids = ["', 'bot_ids = ["another'), "sources", WRONG,
        "acme-gptbots: ACME_GPTBOTS_API_KEY", "which bot_ids does not name", "Set bot_ids to it"),
    "no human service": (
        gptbots("human_url", None), "sources", WRONG, "acme-gptbots",
        "no human service of the Agent's has our address",
        "/webhooks/acme-gptbots/<ACME_GPTBOTS_PATH_TOKEN>"),
    "the human service's token": (
        other_token, "sources", WRONG, "acme-gptbots", "has another token than ACME_GPTBOTS_PATH_TOKEN",
        "/webhooks/acme-gptbots/<ACME_GPTBOTS_PATH_TOKEN>"),
    "Moveo's key": (
        given("ACME_MOVEO_API_KEY", "another-key-of-moveo-s"), "sources", WRONG, "acme-moveo",
        "answered 401", "Check ACME_MOVEO_API_KEY"),
    "Moveo's address": (
        says('/moveo"', '/movio"'), "sources", WRONG, "acme-moveo", "answered 404",
        "Check base_url and integration_id"),
    # the database
    "no database": (
        no_database, "database", WRONG, "Postgres at 127.0.0.1:", "cannot be reached: connection refused",
        "Check its address, and that it is up"),
    "a database's address that cannot be read": (
        given("DATABASE_URL", "postgres://b:not-to-be-told@127.0.0.1:port/b"), "database", WRONG,
        "environment", "cannot be read as a Postgres address", "It is like postgres://"),
    "a database that is no Postgres": (
        given("DATABASE_URL", "mysql://127.0.0.1/bridge"), "database", WRONG, "environment",
        "DATABASE_URL begins with 'mysql'", "unset it to use SQLite"),
    "a disk that does not stay": (
        given("DYNO", "web.1"), "database", WRONG, "environment",
        "this disk is thrown away at every restart", "Add a Postgres"),
    "a key that is none": (
        no_key, "database", WRONG, "environment", "BRIDGE_ENCRYPTION_KEYS: number 1 is no key",
        "Make one: "),
    "a folder that is not ours": (
        not_a_folder, "database", WRONG, "a-file/bridge.sqlite3", "cannot be written to",
        "in a folder that this process can write to"),
    "a file that is no database": (
        no_file, "database", WRONG, "bridge.sqlite3", "is no database that SQLite reads",
        "Restore it from a copy"),
    "a newer schema": (
        from_the_future, "database", WRONG, "bridge.sqlite3", "its schema is at 9999, newer than",
        "Run the newer version"),
    # clocks
    "a clock that is off": (
        clock(-120), "clock", WARNING, "", "; by five minutes, what is signed is refused", "NTP"),
    "a clock that is far off": (
        clock(400), "clock", WRONG, "", ": what is signed is refused as too old", "NTP"),
}
# fmt: on


@pytest.mark.parametrize("row", ROWS)
async def test_what_is_broken_is_found_with_its_remedy(
    bench: Bench, row: str, capsys: pytest.CaptureFixture[str]
) -> None:
    breaks, subject, standing, where, what, remedy = ROWS[row]
    breaks(bench)

    code, findings = await bench.findings(within=capsys)

    found = [one for one in findings if one["subject"] == subject and one["standing"] == standing]
    fitting = [
        one for one in found if where in one["where"] and what in one["what"] and remedy in one["remedy"]
    ]
    assert len(fitting) == 1, found or findings
    unreadable = findings[0]["subject"] == "configuration" and {one["subject"] for one in findings} == {
        "configuration"
    }
    assert code == (2 if unreadable else 1 if any(one["standing"] == WRONG for one in findings) else 0)


async def test_what_is_not_installed_is_told_before_the_start_too(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    not_installed("SENTRY_DSN", "sentry_sdk", "faults")(bench)

    code, findings = await bench.findings("--before-start", within=capsys)

    assert code == 1
    assert [one["where"] for one in findings if one["standing"] == WRONG] == ["environment"]


async def test_a_postgres_that_was_not_migrated(bench: Bench, postgres: Postgres) -> None:
    bench.environ["DATABASE_URL"] = url = postgres.create_database()
    try:
        code, findings = await bench.findings("--before-start")
        assert code == 1
        (found,) = (one for one in findings if one["subject"] == "database")
        assert (found["standing"], found["remedy"]) == (WRONG, "Run: python -m bridge migrate")
    finally:
        postgres.drop_database(url)


async def test_a_row_breaks_each_subject() -> None:
    assert {row[1] for row in ROWS.values()} == {
        *("configuration", "slack", "channels", "address", "sources", "database", "clock")
    }
