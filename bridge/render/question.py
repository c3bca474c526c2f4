"""What an agent is asked about a reply of theirs that was held, or did not certainly arrive.

Only its author sees the question: https://docs.slack.dev/reference/methods/chat.postEphemeral
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bridge.model import HeldChoice, HeldFor
from bridge.render.acts import HELD, RETRY, button
from bridge.render.events import notice
from bridge.render.literal import one_line, plain, quote, rich_text, section, text
from bridge.render.message import Face, SlackMessage, ladder
from bridge.render.said import said

_LABELS = {
    HeldChoice.TAKE_OVER: "Take over and send",
    HeldChoice.ONCE: "Send once",
    HeldChoice.REOPEN: "Reopen and send",
    HeldChoice.SEND: "Send",
    HeldChoice.NOTE: "Keep as note",
}


def question(
    reason: HeldFor,
    choices: Iterable[HeldChoice],
    *,
    delivery: int,
    thread_ts: str,
    words: str,
    owner: str | None = None,
    meant: str | None = None,
    cannot: str | None = None,
) -> SlackMessage:
    """Why the reply that says `words` was held, and what can become of it.

    `owner` has the conversation; `meant` is the word for the bridge that the first of `words` is like;
    `cannot` is why the vendor does not let it be taken over or reopened.
    """
    told = [section(text(_why(reason, words, owner, meant)))]
    if brief := one_line(words):
        told.append(quote(text(brief)))
    if why := one_line(cannot, None).rstrip("."):
        told.append(section(text(f"{why}.")))
    blocks = (rich_text(*told),)
    value = _value(delivery, thread_ts)
    buttons = [button(f"{HELD}{choice}", _LABELS[choice], value) for choice in choices]
    return ladder([SlackMessage("", blocks)], Face(), said(blocks)).with_buttons(buttons)


def failure(
    words: str, *, delivery: int, thread_ts: str | None, uncertain: bool = False, can_retry: bool = True
) -> SlackMessage:
    """The notice of what did not arrive, or may not have; with a button where trying again can help."""
    if not can_retry:
        return notice(words)
    retry = button(RETRY, "Retry", _value(delivery, thread_ts))
    if uncertain:
        retry["confirm"] = {
            "title": plain("Send it again?"),
            "text": plain("If it did arrive, the customer has it twice."),
            "confirm": plain("Send again"),
            "deny": plain("Cancel"),
        }
    return notice(words).with_buttons([retry])


def _why(reason: HeldFor, words: str, owner: str | None, meant: str | None) -> str:
    match reason:
        case HeldFor.BOT:
            return "The AI agent has the conversation: this reply was not sent."
        case HeldFor.CLOSED:
            return "The conversation is closed: this reply was not sent."
        case HeldFor.OWNED:
            return f"{one_line(owner) or 'Somebody else'} has the conversation: this reply was not sent."
    word = one_line(words).partition(" ")[0]
    if meant and word.lower() == meant:
        return f"“{word}” acts only as a message of its own. This was not sent."
    hint = f"; did you mean “{one_line(meant)}”?" if meant else "."
    return f"“{word}” is no word the bridge knows{hint} This was not sent."


def _value(delivery: int, thread_ts: str | None) -> dict[str, Any]:
    return {"delivery": delivery, **({"thread_ts": thread_ts} if thread_ts else {})}
