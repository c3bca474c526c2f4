"""An adapter that fails where a test wants it to, in the worst way: with a customer's words and the source's
secrets in its variables, in the error, and in the error below that."""

from __future__ import annotations

import os
from pathlib import Path

from bridge.adapter import Received, Webhook
from bridge.model import Reply, Sent, Text

HERE = Path(__file__).parent
ENVIRON = {"PYTHONPATH": os.pathsep.join([str(HERE / "beneath"), str(HERE.parent.parent)])}
#: who says so lets the webhook fail that tells of it, or the lane that carries it
WEBHOOK, REPLY = "break the webhook", "break the reply"


class Broken(Exception):
    """None of ours."""


def install() -> None:
    from adapters.ada import Ada  # only in a process that is to break

    receive, send = Ada.receive, Ada.send

    def breaking_receive(self: Ada, webhook: Webhook) -> Received:
        words = webhook.body.decode(errors="replace")
        if WEBHOOK in words:
            _break(words, os.environ["ACME_ADA_WEBHOOK_SECRET"])
        return receive(self, webhook)

    async def breaking_send(self: Ada, reply: Reply) -> Sent:
        words = "".join(part.text for part in reply.parts if isinstance(part, Text))
        if REPLY in words:
            _break(words, os.environ["ACME_ADA_API_KEY"])
        return await send(self, reply)

    Ada.receive = breaking_receive  # type: ignore[method-assign]
    Ada.send = breaking_send  # type: ignore[method-assign]


def _break(words: str, secret: str) -> None:
    try:
        raise KeyError(words)
    except KeyError as error:
        error.add_note(f"said: {words}")
        raise Broken(f"{words!r} with {secret}") from error
