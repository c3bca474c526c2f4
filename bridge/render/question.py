"""What an agent is asked about a reply of theirs that was held, or did not certainly arrive.

Only its author sees the question: https://docs.slack.dev/reference/methods/chat.postEphemeral
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    HeldChoice.WITHOUT: "Send without it",
    HeldChoice.NOTE: "Keep as note",
}
#: how many parts that stay in are named
_MOST = 5


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
    left_out: Sequence[str] = (),
) -> SlackMessage:
    """Why the reply that says `words` was held, and what can become of it.

    `owner` has the conversation; `meant` is the word for the bridge that the first of `words` is like;
    `cannot` is why the vendor does not let it be taken over or reopened; `left_out` stays in.
    """
    stays = _listed(left_out)
    told = [section(text(_why(reason, words, owner, meant, stays)))]
    if brief := one_line(words):
        told.append(quote(text(brief)))
    if why := one_line(cannot, None).rstrip("."):
        told.append(section(text(f"{why}.")))
    if stays and reason not in (HeldFor.LEFT_OUT, HeldFor.NOTHING_LEFT):
        told.append(section(text(f"It goes out without {stays}.")))
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


def _listed(left_out: Sequence[str]) -> str:
    """Each once, in a sentence."""
    names = list(dict.fromkeys(one_line(name) for name in left_out))
    shown, more = names[:_MOST], len(names) - _MOST
    if more > 0:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def _why(reason: HeldFor, words: str, owner: str | None, meant: str | None, stays: str) -> str:
    match reason:
        case HeldFor.BOT:
            return "The AI agent has the conversation: this reply was not sent."
        case HeldFor.CLOSED:
            return "The conversation is closed: this reply was not sent."
        case HeldFor.OWNED:
            return f"{one_line(owner) or 'Somebody else'} has the conversation: this reply was not sent."
        case HeldFor.LEFT_OUT:
            return f"This reply was not sent: the customer cannot get {stays}."
        case HeldFor.NOTHING_LEFT:
            return f"This was not sent: the customer cannot get {stays}, and it holds nothing else."
    word = one_line(words).partition(" ")[0]
    if meant and word.lower() == meant:
        if meant == "!transfer":
            return f"“{word}” needs one mention of a colleague, and no file. Nothing was done or sent."
        return f"“{word}” acts only as a message of its own. This was not sent."
    hint = f"; did you mean “{one_line(meant)}”?" if meant else "."
    return f"“{word}” is no word the bridge knows{hint} This was not sent."


def _value(delivery: int, thread_ts: str | None) -> dict[str, Any]:
    return {"delivery": delivery, **({"thread_ts": thread_ts} if thread_ts else {})}
