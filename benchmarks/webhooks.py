"""Signed requests, as Ada and as Slack send them: beforehand, since signing is not what is measured."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.slack import BOT_USER, TEAM

CONVERSATIONS = 1000
_number = itertools.count()


def fresh() -> str:
    """A prefix for ids that nothing has had before."""
    return f"{time.time_ns():x}-{next(_number)}"


def ada(secret: str, conversation: str, message: str) -> tuple[bytes, dict[str, str]]:
    """What a customer said, as Ada tells it (docs.ada.cx, "Webhooks"), signed in Svix's scheme."""
    at = datetime.now(UTC)
    body = json.dumps(
        {
            "type": "v1.conversation.message",
            "timestamp": at.isoformat(),
            "data": {
                "message_id": message,
                "conversation_id": conversation,
                "end_user_id": f"user-{conversation}",
                "handoff_integration": None,
                "channel": {"type": "native", "id": "ch", "name": "Chat", "modality": "messaging"},
                "created_at": at.isoformat(),
                "author": {"id": "u", "role": "end_user", "avatar": None, "display_name": "Lena"},
                "content": {"type": "text", "body": f"Where is my order? I asked before ({message})."},
                "ai_agent_domain": "acme.ada.support",
            },
        }
    )
    stamp = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"msg_{message}.{stamp}.{body}".encode(), hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    headers = {"svix-id": f"msg_{message}", "svix-timestamp": stamp, "svix-signature": signature}
    return body.encode(), {"content-type": "application/json", **headers}


def slack(secret: str, thread: str, user: str, number: int, prefix: str) -> tuple[bytes, dict[str, str]]:
    """What somebody wrote in a thread, as Slack tells it, with Slack's signature.

    https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    stamp = str(int(time.time()))
    body = json.dumps(
        {
            "type": "event_callback",
            "team_id": TEAM,
            "api_app_id": "A0BENCH",
            "event_id": f"Ev{prefix}{number}",
            "event_time": int(stamp),
            "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
            "event": {
                "type": "message",
                "channel": "C0BENCH",
                "user": user,
                "team": TEAM,
                "text": f"Let me look ({number}).",
                "ts": f"{stamp}.{number:06d}",
                "thread_ts": thread,
                "client_msg_id": f"{prefix}-{number}",
            },
        }
    )
    digest = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}
    return body.encode(), {"content-type": "application/json", **headers}


def of_ada(secret: str, count: int, conversations: int = CONVERSATIONS) -> list[tuple[bytes, dict[str, str]]]:
    """`count` messages, of one conversation after the other."""
    prefix = fresh()
    return [ada(secret, f"c{number % conversations}", f"{prefix}-{number}") for number in range(count)]


def of_slack(secret: str, count: int, threads: Sequence[str]) -> list[tuple[bytes, dict[str, str]]]:
    prefix = fresh()
    return [
        slack(secret, threads[number % len(threads)], "U0MINA", number, prefix) for number in range(count)
    ]


def write(file: Path, path: str, requests: Iterable[tuple[bytes, dict[str, str]]]) -> Path:
    """As `requests.lua` reads them: each request's length on a line, then its bytes."""
    with file.open("wb") as out:
        for body, headers in requests:
            lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            raw = "\r\n".join([*lines, "", ""]).encode() + body
            out.write(b"%d\n%b\n" % (len(raw), raw))
    return file
