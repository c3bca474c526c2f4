"""Bodies that nobody expects, by a real socket to a real bridge: kept or refused, and no fault of ours."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.sandbox.stage import Process, Stage
from tests import signing
from tests.bridge.scene import Scene, opened, waiting
from tests.security.test_requests import alive

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

FIXTURES = Path(__file__).parent.parent / "fixtures"
#: where it goes -> the folder of its fixtures
HOOKS = {
    "/webhooks/acme-ada": "ada",
    "/webhooks/acme-ada/handoff": "ada",
    "/webhooks/acme-gptbots/messages": "gptbots",
    "/webhooks/acme-gptbots/{path}/human/service/conversation/establish": "gptbots",
    "/webhooks/acme-gptbots/{path}/chat": "gptbots",
    "/webhooks/acme-gptbots/{path}/conversation/close": "gptbots",
    "/webhooks/acme-moveo": "moveo",
    "/slack/events": "",
}
hooks = pytest.mark.parametrize("hook", HOOKS)


def address(stage: Stage, hook: str) -> str:
    return stage.bridge_url + hook.format(path=stage.environ["ACME_GPTBOTS_PATH_TOKEN"])


def signed(stage: Stage, hook: str, body: bytes, id: str = "1") -> dict[str, str]:
    """The headers by which `body` is taken for genuine there, whatever it is."""
    told = stage.environ
    if hook == "/slack/events":
        now = str(int(time.time()))
        key = told["SLACK_SIGNING_SECRET"].split(",")[0].encode()
        digest = hmac.new(key, f"v0:{now}:".encode() + body, hashlib.sha256).hexdigest()
        return {"x-slack-request-timestamp": now, "x-slack-signature": f"v0={digest}"}
    if hook == "/webhooks/acme-ada":
        # The official library signs text only.
        text = body.decode("utf-8", "replace").encode()
        return signing.ada(text, told["ACME_ADA_WEBHOOK_SECRET"], id=id)
    if hook == "/webhooks/acme-ada/handoff":
        return signing.ada_handoff(told["ACME_ADA_HANDOFF_TOKEN"])
    if hook == "/webhooks/acme-gptbots/messages":
        return signing.gptbots(told["ACME_GPTBOTS_WEBHOOK_TOKEN"])
    if hook == "/webhooks/acme-moveo":
        return signing.moveo(body, told["ACME_MOVEO_WEBHOOK_SECRET"])
    return {}


async def post(stage: Stage, hook: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        return await http.post(address(stage, hook), content=body, headers=headers)


# ── anything at all ──────────────────────────────────────────────────────────────────────────────

ODD = st.sampled_from(
    [
        b"",
        b"\0",
        b"\xff\xfe{\0}\0",
        b"\xef\xbb\xbf{}",
        b"{}{}",
        b"null",
        b"NaN",
        b"[" * 50_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"a": 1' + b"0" * 5_000 + b"}",
        b'{"type": "url_verification", "challenge": {}}',
        b'{"type": "event_callback", "event": []}',
        b"payload=%7B%22type%22%3A%22block_actions%22%7D",
        b"payload=&payload=%00",
        b"ssl_check=1",
        b'{"event": {"type": "message"}, "team_id": ["T"]}',
        b'{"view": 3, "team": 4, "type": "view_submission", "user": "x"}',
    ]
)
VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.just("\ud800\0\u202e"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "type",
        "event",
        "event_type",
        "data",
        "conversation_id",
        "session_id",
        "body",
        "text",
        "team_id",
        "user",
        "channel",
        "actions",
        "view",
        "message",
        "payload",
        "timestamp",
        "message_id",
        "parts",
        "content",
    ]
)
BODY = st.one_of(
    st.binary(max_size=300),
    ODD,
    VALUE.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(KEYS, VALUE, max_size=6).map(lambda value: json.dumps(value).encode()),
)
HEADER = st.dictionaries(
    st.sampled_from(
        ["content-type", "content-encoding", "x-slack-retry-num", "authorization", "svix-id", "cookie"]
    ),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40),
    max_size=3,
)
KINDS = st.sampled_from(
    ["application/json", "application/x-www-form-urlencoded", "multipart/form-data", "x/y"]
)


@given(
    hook=st.sampled_from(sorted(HOOKS)),
    body=BODY,
    kind=KINDS,
    more=HEADER,
    proof=st.sampled_from(["none", "right", "right", "of another body"]),
    id=st.uuids(),
)
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
async def test_any_bytes_are_kept_or_refused(
    stage: Stage, hook: str, body: bytes, kind: str, more: dict[str, str], proof: str, id: Any
) -> None:
    headers = {"content-type": kind, **more}
    if proof != "none":
        headers |= signed(stage, hook, body if proof == "right" else body + b" ", id.hex)
    answer = await post(stage, hook, body, headers)
    assert answer.status_code in (200, 400, 401, 403, 404), (answer.status_code, answer.text)
    if answer.status_code != 200:
        assert answer.json()["error"]["message"]
        assert "Traceback" not in answer.text
    elif answer.content:  # Slack's challenge is given back as it came, but never as a page
        assert "html" not in answer.headers.get("content-type", "")


async def test_and_it_goes_on(stage: Stage, bridge: Process) -> None:
    """After all of that what is real is carried."""
    scene = await waiting(stage)
    scene.says("Are you there?")
    await scene.shows("Are you there?")
    await alive(stage, bridge)


# ── real ones, changed ───────────────────────────────────────────────────────────────────────────

DEEP = "[" * 2_000 + "]" * 2_000
#: what takes the place of the text, as JSON, and whether it is JSON then; None where that is up to the Python
ODDITIES: dict[str, tuple[str, bool | None]] = {
    "NUL": (r'"\u0000 nul"', True),
    "half a pair": (r'"\ud800 half"', True),
    "the other half": (r'"\udc00"', True),
    "a huge number": ("1" * 4_000, True),
    "a number that python reads none of": ("1" * 5_000, False),
    "an endless number": ("1e999", True),
    "no number": ("NaN", True),
    "a long fraction": ("0." + "1" * 5_000, True),
    "depth": (DEEP, None),
    "some depth": ("[" * 200 + "]" * 200, True),
    "an object": ('{"text": {"text": "x"}}', True),
    "many keys": ("{" + ",".join(f'"k{number}": {number}' for number in range(5_000)) + "}", True),
    "a control character": ('"\x1b[2J"', False),
}


async def of_the_customer(stage: Stage, text: str) -> tuple[Scene, str]:
    """A customer of Ada's, and a webhook of theirs as text, in which `text` stands as it is."""
    scene = await opened(stage)
    body = json.loads((FIXTURES / "ada" / "message.json").read_bytes())
    body["data"] |= {"conversation_id": scene.id, "message_id": f"m-{time.time_ns()}"}
    body["data"]["content"] = {"type": "text", "body": "@@"}
    return scene, json.dumps(body).replace('"@@"', text)


@pytest.mark.parametrize("oddity", ODDITIES)
async def test_an_oddity_holds_nothing_up(stage: Stage, bridge: Process, oddity: str) -> None:
    text, reads = ODDITIES[oddity]
    scene, body = await of_the_customer(stage, text)
    raw = body.encode("utf-8", "surrogatepass")
    id = f"msg_{time.time_ns()}"
    answer = await post(stage, "/webhooks/acme-ada", raw, signed(stage, "/webhooks/acme-ada", raw, id))
    assert answer.status_code in ((200, 400) if reads is None else (200 if reads else 400,)), answer.text
    scene.says("And then I wrote this")
    await scene.shows("And then I wrote this")
    await alive(stage, bridge)


async def test_of_two_keys_of_one_name_the_last_counts(stage: Stage) -> None:
    """For the one reader that there is: nobody before it reads the body."""
    scene, body = await of_the_customer(stage, '"the first", "body": "the last"')
    raw = body.encode()
    answer = await post(
        stage, "/webhooks/acme-ada", raw, signed(stage, "/webhooks/acme-ada", raw, "msg_twice")
    )
    assert answer.status_code == 200
    await scene.shows("the last")
    assert "the first" not in scene.texts


# ── many at once ─────────────────────────────────────────────────────────────────────────────────

CROWD = 80  # bodies that do not end; at 64 of the largest size the bound is reached


async def test_bodies_that_do_not_end_keep_no_webhook_out(stage: Stage, bridge: Process) -> None:
    """Small or large, a webhook that is signed is kept, and the customer's words are shown."""
    limit = 1024**2
    most = b"x" * (limit - 1)
    scene = await opened(stage)
    async with contextlib.AsyncExitStack() as stack:
        for number in range(CROWD):
            _, writer = await asyncio.open_connection("127.0.0.1", stage.bridge_port)
            stack.callback(writer.close)
            hook = address(stage, sorted(HOOKS)[number % len(HOOKS)]).removeprefix(stage.bridge_url)
            head = f"POST {hook} HTTP/1.1\r\nhost: bridge\r\ncontent-length: {limit}\r\n\r\n"
            writer.write(head.encode() + most)
            await writer.drain()
            for size in (0, 1000, 300_000) if number % 8 == 7 else ():
                body = json.loads((FIXTURES / "ada" / "message.json").read_bytes())
                body["data"] |= {"conversation_id": scene.id, "message_id": f"m-{number}-{size}"}
                body["data"]["content"] = {"type": "text", "body": f"This is {number} of {size}"}
                body["padding"] = "x" * size
                raw = json.dumps(body).encode()
                headers = signed(stage, "/webhooks/acme-ada", raw, f"crowd-{number}-{size}")
                answer = await post(stage, "/webhooks/acme-ada", raw, headers)
                assert answer.status_code == 200, (number, size, answer.text)
        async with httpx.AsyncClient(trust_env=False) as http:
            told = (await http.get(f"{stage.bridge_url}/readyz")).json()
        assert told["ready"] is True
        assert "large bodies were refused within a minute" in told["missing"]["bodies"]
    await scene.shows(f"This is {CROWD - 1} of 300000")
    await alive(stage, bridge)


# ── once more ────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_sent_again_is_shown_once(stage: Stage) -> None:
    scene, body = await of_the_customer(stage, '"only once"')
    raw = body.encode()
    headers = signed(stage, "/webhooks/acme-ada", raw, "msg_again")
    for _ in range(3):
        assert (await post(stage, "/webhooks/acme-ada", raw, headers)).status_code == 200
    await scene.shows("only once")
    scene.says("and this after it")
    await scene.shows("only once", "and this after it")


async def test_an_id_that_was_used_takes_no_other_body(stage: Stage) -> None:
    scene, body = await of_the_customer(stage, '"the first of them"')
    for raw in (body.encode(), body.replace("first", "second").encode()):
        headers = signed(stage, "/webhooks/acme-ada", raw, "msg_used")
        assert (await post(stage, "/webhooks/acme-ada", raw, headers)).status_code == 200
    scene.says("and this after it")
    await scene.shows("the first of them", "and this after it")
    assert "the second of them" not in scene.texts


async def test_a_signature_is_for_its_id_and_its_time_alone(stage: Stage) -> None:
    _, body = await of_the_customer(stage, '"moved"')
    raw = body.encode()
    headers = signed(stage, "/webhooks/acme-ada", raw, "msg_moved")
    for name, value in (
        ("svix-id", "msg_other"),
        ("svix-timestamp", str(int(headers["svix-timestamp"]) + 1)),
    ):
        answer = await post(stage, "/webhooks/acme-ada", raw, {**headers, name: value})
        assert answer.status_code == 401
