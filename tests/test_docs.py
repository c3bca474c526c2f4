"""README and docs/ are true: links lead somewhere, and what they name exists in the code."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from starlette.responses import Response
from starlette.routing import Route

from bridge import config, web
from bridge.__main__ import _parser
from bridge.actions import OWN
from bridge.adapter import Webhook, title_of
from bridge.compose import ACTS, WORDS
from bridge.config.route import ReplyMode
from bridge.control import TABLE, Signal, after
from bridge.engine.acts import can
from bridge.engine.gate import Wish, admit, choices
from bridge.engine.work import Conversation, Owner
from bridge.errors import NotFound, Refused
from bridge.metrics import REGISTRY
from bridge.model import Act, Control, ConversationKey, Direction, HeldChoice, HeldFor
from bridge.registry import BUILT_IN, adapters
from bridge.render.acts import act_button, offered
from bridge.render.question import question
from bridge.sandbox.slack.state import App
from bridge.slack.api import Identity
from bridge.slack.codes import MENDABLE
from bridge.slack.inbound import Ignored, read
from bridge.slack.marks import MARKS
from bridge.slack.pressed import pressed
from tests.test_config_example import NEEDED, VARIABLES
from tests.vendors import TOKEN, make

ROOT = Path(__file__).parent.parent
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
}
ALL = "\n".join(PAGES.values())
NAME = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
CODE = "\n".join(
    path.read_text(encoding="utf-8")
    for path in [*(ROOT / name for name in ("Procfile", "Makefile", "app.json", "config.example.toml"))]
    + [path for folder in ("bridge", "adapters", "tests") for path in (ROOT / folder).rglob("*.py")]
    if path != Path(__file__)
)

pages = pytest.mark.parametrize("page", PAGES)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", ALL, re.MULTILINE | re.DOTALL)


def code() -> Iterator[str]:
    """Each line of a shell block, and each piece of inline code."""
    for block in blocks("sh"):
        yield from re.sub(r"\\\n\s*", "", block).splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", ALL, flags=re.MULTILINE | re.DOTALL))


def rows(page: str, heading: str) -> dict[str, str]:
    """The first cell of each row of the table below `heading` (its own first cell), with the rest."""
    table = PAGES[page].partition(f"| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    return {cells[0].strip(): cells[1].strip() for row in table if (cells := row.strip("|").split("|", 1))}


# ── links ────────────────────────────────────────────────────────────────────────────────────────


@pages
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        there = (ROOT / page).parent / file if file else ROOT / page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there.read_text(encoding="utf-8")), target


def anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_short_and_links_every_page() -> None:
    assert len(PAGES["README.md"].splitlines()) < 150
    linked = set(re.findall(r"\]\(([^)\s]+\.md)\)", PAGES["README.md"]))
    assert linked == PAGES.keys() - {"README.md"}


# ── commands, variables, configuration ───────────────────────────────────────────────────────────


COMMAND = re.compile(r"(?:^|[\s\"/])(?:python -m )?bridge ([a-z]+(?: (?:--[a-z-]+|[\w./-]+))*)")


def test_every_command_is_one_and_none_is_left_out() -> None:
    found = {arguments for line in code() for arguments in COMMAND.findall(line.partition("  #")[0])}
    (commands,) = (action.choices for action in _parser()._actions if isinstance(action.choices, dict))

    assert {one.split()[0] for one in found} == commands.keys()
    for arguments in found - {"forget", "render", "trace", "record", "replay"}:  # which want to know what
        _parser().parse_args(arguments.split())


@pages
def test_where_bridge_is_typed_it_says_what_that_is(page: str) -> None:
    """The name is there only where the package is installed, not just what it needs."""
    typed = re.findall(r"^```sh\n(.*?)^```", PAGES[page], re.MULTILINE | re.DOTALL)
    if re.search(r"^bridge ", "".join(typed), re.MULTILINE):
        assert re.search(r"`bridge` is `(?:\.venv/bin/)?python -m bridge`", " ".join(PAGES[page].split()))


def test_the_layout_has_every_module_and_no_other() -> None:
    layout = PAGES["docs/design.md"].partition("```\nbridge/\n")[2].partition("\nadapters/\n")[0]
    named = set(re.findall(r"(?:^  |; )(\w+(?:\.py|/)) ", layout, re.MULTILINE))
    there = {
        path.name + ("/" if path.is_dir() else "")
        for path in (ROOT / "bridge").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }

    assert named == there - {"__init__.py"}


def test_every_make_target_is_one() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    found = {match[1] for line in code() if (match := re.match(r"make ([a-z]+)\b", line))}

    assert {"demo", "test"} <= found <= targets


def test_every_variable_is_one_and_none_is_left_out() -> None:
    named = set(NAME.findall(ALL))
    of_others = {"RAILWAY_DEPLOYMENT_DRAINING_SECONDS", "SHOP_API_KEY"}

    assert named >= VARIABLES - {"PORT"}
    assert named - of_others <= set(NAME.findall(CODE))


@pytest.mark.parametrize("block", blocks("toml"))
def test_every_piece_of_configuration_can_be_used(block: str, tmp_path: Path) -> None:
    given = tomllib.loads(block)
    if "routes" not in given:
        block += '\n[[routes]]\nchannel = "C0123456789"\n'
    if "sources" not in given:
        block += '\n[sources.acme-ada]\nvendor = "ada"\nbase_url = "https://acme.ada.support"\n'
    file = tmp_path / "config.toml"
    file.write_text(block, encoding="utf-8")

    tokens = [f"{name.upper()}_SLACK_BOT_TOKEN" for name in given.get("workspaces", ())]
    config.load(file, dict.fromkeys((*NEEDED, *tokens), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), adapters())


# ── addresses and metrics ────────────────────────────────────────────────────────────────────────


def test_every_webhook_address_is_a_hook() -> None:
    found = set(re.findall(r"/webhooks/acme-(ada|gptbots|moveo)((?:/<[^>]+>|/[\w/]+)*)", ALL))

    assert len(found) >= 5
    for vendor, path in found:
        hook = re.sub(r"<[^>]+>", TOKEN, path).strip("/")
        for call in CALLS if hook == TOKEN else [""]:
            try:
                make(vendor).receive(Webhook(hook + call, {}, b"{}", datetime.now(UTC)))
            except NotFound:
                pytest.fail(f"{vendor} has no hook {path}{call}")
            except Refused:  # nothing is signed here
                continue


#: what GPTBots appends, as its page says
CALLS = re.findall(r"`(/(?:conversation/)?(?:establish|chat|close))`", PAGES["docs/vendors/gptbots.md"])


def test_every_other_address_is_served_and_none_is_left_out() -> None:
    async def unused(*_: object) -> Response:
        raise AssertionError

    app = web.build({}, unused, unused, unused, max_body=1, files=unused)  # type: ignore[arg-type]
    served = {
        route.path.replace("{", "<").replace("}", ">") for route in app.routes if isinstance(route, Route)
    }
    named = re.findall(r"`(?:GET|POST) (/[^`]+)`", PAGES["docs/deploy.md"] + PAGES["docs/slack.md"])

    assert set(named) == {path for path in served if not path.startswith("/webhooks")}


def test_every_metric_is_one_and_none_is_left_out() -> None:
    # The rest are there on Linux only.
    ours = (metric for metric in REGISTRY.collect() if metric.name.startswith("bridge_"))
    counted = {metric.name + ("_total" if metric.type == "counter" else "") for metric in ours}
    listed = {name.strip("`") for name in rows("docs/metrics.md", "metric") if "bridge_" in name}

    assert listed == counted
    assert set(re.findall(r"\bbridge_[a-z_]+_total\b", ALL)) <= counted


def test_what_growth_costs_is_what_the_last_run_measured() -> None:
    """Of each ratio the larger, as the page says; the memory at a million conversations."""
    measured = rows("docs/performance.md", "what")
    named = {
        "a webhook of a new customer": "a webhook, of a new customer",
        "a webhook of a customer of today": "a webhook, of a customer of today",
        "a delivery taken and recorded": "a delivery taken and recorded",
        "App Home's list": "the Home list",
        "the numbers of `/metrics`": "the numbers of /metrics",
    }

    def ratio(store: str, what: str) -> str:
        return max(measured[f"{store}: {what}, at {size}"].partition(" | ")[0] for size in ("10^5", "10^6"))

    stores = ("SQLite", "Postgres")
    told = {name: " | ".join(ratio(store, what) for store in stores) for name, what in named.items()}
    memory = [measured[f"{store}: memory of `serve` at 10^6"].partition(" MB")[0] for store in stores]
    told["memory of `serve`, at a million"] = " | ".join(f"{float(size):.0f} MB" for size in memory)
    assert rows("docs/operating.md", "against a thousand conversations") == told


# ── control ──────────────────────────────────────────────────────────────────────────────────────


def test_the_table_of_control_is_the_code_s() -> None:
    lines = [f"| what happens | {' | '.join(Control)} |", "| --- | --- | --- | --- | --- |"]
    for happened in Signal:
        cells = [TABLE.get((control, happened), "") for control in Control]
        lines.append(f"| {happened} |" + "".join(f" {cell} |" if cell else " |" for cell in cells))

    assert "\n".join(lines) in PAGES["docs/design.md"]


def test_every_direction_is_explained() -> None:
    assert list(rows("docs/design.md", "direction")) == [f"`{direction}`" for direction in Direction]


# ── handoffs ─────────────────────────────────────────────────────────────────────────────────────


def in_handoffs(*lines: str) -> bool:
    return "\n".join(lines) in PAGES["docs/handoffs.md"]


def button(act: Act) -> str:
    return f"*{act_button(act)['text']['text']}*"


def label(choice: HeldChoice) -> str:
    asked = question(HeldFor.BOT, [choice], delivery=1, thread_ts="1.0", words="Hello")
    return f"*{asked.blocks[-1]['elements'][0]['text']['text']}*"


def test_the_card_s_buttons_are_those_that_are_offered() -> None:
    lines = [f"| {one} | {', '.join(map(button, offered(one, set(Act))))} |" for one in Control]

    assert in_handoffs("| the conversation is | the card's buttons |", "| --- | --- |", *lines)


def test_every_word_is_explained_beside_its_button_and_its_entry_in_the_menu() -> None:
    explained = rows("docs/handoffs.md", "word")
    entries = {one["callback_id"]: f"*{one['name']}*" for one in manifest()["features"]["shortcuts"]}

    assert [re.split("[` ]+", word)[1] for word in explained] == [f"!{word}" for word in WORDS]
    for word, cells in zip(WORDS, explained.values(), strict=True):
        act = ACTS.get(word)
        shown = [button(act), entries.get(act, "")] if act else ["", ""]
        assert [cell.strip() for cell in cells.split("|")[:2]] == shown


#: who has a conversation, for one of whom it is asked whether their reply goes out
YOU = Owner("Mina", "U0MINA")
HAS: dict[str, tuple[Control, Owner | None]] = {
    "the AI agent": (Control.BOT, None),
    "nobody: the customer waits": (Control.WAITING, None),
    "you": (Control.HUMAN, YOU),
    "a human at the vendor": (Control.HUMAN, Owner("Vera")),
    "a colleague": (Control.HUMAN, Owner("Jo", "U0JO")),
    "nobody: it is closed": (Control.CLOSED, None),
}


def becomes(control: Control, owner: Owner | None, *, confirms: bool) -> str:
    key = ConversationKey(source="acme-ada", id="1")
    stands = Conversation(1, key, control, None, created_at=0.0, owner=owner)
    found = admit(stands, Wish(YOU, confirms=confirms))
    if isinstance(found, HeldFor):
        return f"held: {', '.join(map(label, choices(found, set(Act))))}"
    return "goes out" + (", and it is yours" if after(control, found.happened) is Control.HUMAN else "")


def test_what_a_reply_does_is_what_the_gate_says() -> None:
    lines = [
        f"| {who} | {becomes(*has, confirms=True)} | {becomes(*has, confirms=False)} |"
        for who, has in HAS.items()
    ]

    assert in_handoffs("| who has it | `confirm` | `live` |", "| --- | --- | --- |", *lines)
    assert all(f"`{mode}`" in PAGES["docs/handoffs.md"] for mode in get_args(ReplyMode))


def test_every_choice_about_a_held_reply_is_explained() -> None:
    assert list(rows("docs/handoffs.md", "choice")) == [label(choice) for choice in HeldChoice]


def test_what_a_vendor_cannot_do_is_said_in_its_adapter_s_words() -> None:
    names = [title_of(adapter) for adapter in BUILT_IN]
    lines = [f"| act | {' | '.join(names)} |", "| --- " * 4 + "|"]
    for act in (act for act in Act if act not in OWN):
        cells = []
        for adapter in BUILT_IN:
            closes = act is Act.HAND_BACK and adapter.capabilities.handoff_is_own_conversation
            yes = "yes, and it is closed" if closes else "yes"
            cells.append(yes if act in can(adapter) else f"no: {adapter.capabilities.cannot[act]}")
        lines.append(f"| {button(act).replace('…', '')} | {' | '.join(cells)} |")

    assert in_handoffs(*lines)


def test_every_mark_is_explained() -> None:
    explained = {name for marks in rows("docs/handoffs.md", "mark") for name in re.findall(r"`(\w+)`", marks)}

    assert explained == set(MARKS.values())


# ── Slack ────────────────────────────────────────────────────────────────────────────────────────


#: https://docs.slack.dev/reference/methods: the bot scopes of each method, for public and private channels
SCOPES = {
    "assistant.threads.setStatus": {"chat:write"},
    "auth.test": set(),
    "chat.delete": {"chat:write"},
    "chat.getPermalink": set(),
    "chat.postEphemeral": {"chat:write"},
    "chat.postMessage": {"chat:write"},
    "chat.update": {"chat:write"},
    "conversations.history": {"channels:history", "groups:history"},
    "conversations.info": {"channels:read", "groups:read"},
    "conversations.members": {"channels:read", "groups:read"},
    "conversations.replies": {"channels:history", "groups:history"},
    "files.completeUploadExternal": {"files:write"},
    "files.delete": {"files:write"},
    "files.getUploadURLExternal": {"files:write"},
    "files.info": {"files:read"},
    "reactions.add": {"reactions:write"},
    "reactions.remove": {"reactions:write"},
    "usergroups.list": {"usergroups:read"},
    "users.info": {"users:read"},
    "views.open": set(),
    "views.publish": set(),
}
#: https://docs.slack.dev/reference/events
EVENTS = {
    "app_home_opened": set(),
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
    "reaction_added": {"reactions:read"},
}
#: https://docs.slack.dev/reference/scopes: what goes with a word in a call, not with a method
IN_CALLS = {"icon_url": {"chat:write.customize"}, "url_private": {"files:read"}}
#: https://docs.slack.dev/interactivity/implementing-shortcuts
SHORTCUTS = {"commands"}
US = Identity(team="T0ACME", user="U0BRIDGE", bot="B0BRIDGE")

METHOD = re.compile(
    r"(?:assistant|auth|bots|chat|conversations|files|pins|reactions|team|usergroups|users|views)(?:\.\w+)+"
)


def words_of_slack() -> set[str]:
    """Every string in the code that speaks to Slack."""
    files = [path for path in (ROOT / "bridge").rglob("*.py") if "sandbox" not in path.parts]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files]
    return {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


CALLED = {word for word in words_of_slack() if METHOD.fullmatch(word)}


def manifest() -> dict[str, Any]:
    (block,) = blocks("json")
    return json.loads(block)  # type: ignore[no-any-return]


def test_the_manifest_has_the_scopes_that_are_needed_and_no_other() -> None:
    said = words_of_slack()
    events = manifest()["settings"]["event_subscriptions"]["bot_events"]
    needed = set().union(
        *(SCOPES[method] for method in CALLED),
        *(EVENTS[event] for event in events),
        *(scopes for word, scopes in IN_CALLS.items() if any(one.startswith(word) for one in said)),
        SHORTCUTS,
    )
    given = manifest()["oauth_config"]["scopes"]["bot"]

    assert len(CALLED) > 5
    assert sorted(given) == sorted(needed) == sorted(App().scopes)
    assert sorted(name.strip("`") for name in rows("docs/slack.md", "scope")) == sorted(given)


def test_the_manifest_has_the_events_that_are_heard_and_no_other() -> None:
    """Of an event that we hear, the workspace is looked at; any other is ignored before that."""
    events = manifest()["settings"]["event_subscriptions"]["bot_events"]
    heard = {
        word for word in words_of_slack() if read({"event": {"type": word}}, US) == Ignored("foreign_team")
    }

    assert sorted(events) == sorted(EVENTS)
    assert {event.partition(".")[0] for event in events} == heard


def test_every_entry_of_a_message_s_menu_asks_for_something() -> None:
    shortcuts = manifest()["features"]["shortcuts"]
    chosen = {
        "type": "message_action",
        "user": {"id": "U0MINA"},
        "team": {"id": US.team},
        "channel": {"id": "C0SUPPORT"},
        "message": {"ts": "2.0", "thread_ts": "1.0"},
    }
    for one in shortcuts:
        assert pressed({**chosen, "callback_id": one["callback_id"]}, US) is not None
        # https://docs.slack.dev/reference/app-manifest
        assert one["type"] == "message"
        assert len(one["name"]) <= 24
        assert len(one["description"]) <= 150
    assert pressed({**chosen, "callback_id": "no_such"}, US) is None
    assert {one["callback_id"]: one["name"] for one in shortcuts} == App().shortcuts


def test_the_manifest_shows_the_home_that_is_published() -> None:
    assert manifest()["features"]["app_home"]["home_tab_enabled"] is ("views.publish" in CALLED)


def test_the_methods_are_those_that_are_called() -> None:
    named = re.findall(r"`([^`]+)`", rows("docs/slack.md", "between us")["the bridge calls"])

    assert named == sorted(CALLED)


def test_both_addresses_of_the_manifest_are_ours() -> None:
    settings = manifest()["settings"]
    addresses = {settings[one]["request_url"] for one in ("event_subscriptions", "interactivity")}

    assert addresses == {"https://bridge.example.com/slack/events"}


def test_every_refusal_that_can_be_mended_is_explained() -> None:
    explained = {
        code for codes in rows("docs/slack.md", "Slack answers") for code in re.findall(r"`(\w+)`", codes)
    }

    assert explained == MENDABLE.keys() | {"missing_scope"}
