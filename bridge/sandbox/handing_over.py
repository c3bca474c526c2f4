"""The tour's handoff: held, alerted, reminded of, claimed by two at once, answered, handed back, resolved.

What vendors cannot do is part of it: it has to be refused, and said why.
"""

from __future__ import annotations

import asyncio

from bridge.sandbox.seen import RECORDED, SENT, words
from bridge.sandbox.slack import Message
from bridge.sandbox.trip import APP, Trip, expect, once

#: what every route of the stage says on the tour
ROUTE = """\
reply_mode = "confirm"
alert_channel = "C0HANDOFFS"
remind_after = ["1s"]
escalate_after = "2s"
escalate_channel = "C0LEADS"
escalate_to = "S0LEADS"
"""
ALERTS, LEADS = "handoff-alerts", "support-leads"
MINA, JO, LEE = "U0MINA", "U0JO", "U0LEE"
HELD = "double_vertical_bar"
NOTE = "// she paid twice, billing knows"
ANSWER = "Great, thank you Mina"
TOO_SOON = "I would have answered this myself"
TOO_MANY = "I have it too"


async def held(trip: Trip) -> str:
    """A reply while the AI agent has the conversation: one click away from being a slip."""
    reply = trip.writes(JO, TOO_SOON)
    await _marked(trip, reply, HELD)
    question = await _whispered(trip, JO, "The AI agent has the conversation")
    for other in (MINA, LEE):
        expect(not _whispers(trip, other), f"nothing that {other} sees", _whispers(trip, other))
    await trip.seen.stage.slack.press(JO, question, "held-note")
    await _marked(trip, reply)
    expect(trip.replies == [], "nothing at the vendor", trip.replies)
    return "a reply into the AI agent's talk is held; its author keeps it as a note"


async def asks_for_a_human(trip: Trip) -> str:
    await _ask(trip, f"I want to talk to a person about order {trip.order}")
    return "the alert is in the thread and in both channels, the card says waiting"


async def _ask(trip: Trip, text: str) -> None:
    trip.says(text)
    if trip.ways.own_session:
        trip.thread = await trip.seen.thread(trip.ways.channel, text, but=trip.thread)
    alert = await trip.seen.line(trip.thread, APP, "waits for a human")
    expect(alert.broadcast, "an alert that the channel sees too", alert)
    await trip.seen.card(trip.thread, "waiting for a human")
    await _alerted(trip, "waits for a human")


async def reminded(trip: Trip) -> str:
    """Nobody claims: the clocks run."""
    alert = await _alerted(trip, "waits for a human")
    below = lambda: [words(one) for one in alert.replies]  # noqa: E731 - read anew at every look
    await trip.seen.until("a reminder below the alert", below, below)
    expect(alert.replies[0].broadcast, "a reminder that the channel sees", alert.replies[0])

    def escalated() -> Message | None:
        told = trip.seen.stage.slack.state.messages(LEADS)
        return next((one for one in told if trip.ways.source in words(one)), None)

    seen = await trip.seen.until(f"an escalation in #{LEADS}", escalated, lambda: LEADS)
    expect(seen.pings.groups == {"S0LEADS"}, "a ping of @support-leads alone", seen.pings)
    return f"after 1 s there is a reminder, after 2 s #{LEADS} is told, and @support-leads"


async def claimed_by_two(trip: Trip) -> str:
    """At the same moment, in two channels."""
    alert, slack = await _alerted(trip, "waits for a human"), trip.seen.stage.slack
    in_thread = trip.alerts[-1]
    await asyncio.gather(slack.press(MINA, alert, "act-claim"), slack.press(JO, in_thread, "act-claim"))
    owned = await trip.seen.line(trip.thread, APP, "claimed the conversation")
    trip.owner, trip.other = (MINA, JO) if "Mina" in owned.words else (JO, MINA)
    name = trip.name(trip.owner)
    channel = trip.seen.stage.slack.state.channel(ALERTS if trip.other == MINA else trip.ways.channel)

    def told() -> bool:
        return any(name in one.text and one.ephemeral_to == trip.other for one in channel.ephemerals.values())

    await trip.seen.until(f"{trip.other} told that {name} has it", told, lambda: channel.ephemerals)
    await trip.seen.card(trip.thread, f"{name} has the conversation")
    await _alerted(trip, f"Claimed: by {name} after")
    claims = [line for line in trip.thread.lines if "claimed the conversation" in line.words]
    expect(len(claims) == 1, "one who claimed", claims)
    return "two claim at once: one has it, the other is told who"


async def agent_replies(trip: Trip) -> str:
    note, other = trip.writes(trip.other, NOTE), trip.writes(trip.other, TOO_MANY)
    await _marked(trip, other, HELD)
    question = await _whispered(trip, trip.other, "has the conversation")
    await trip.seen.stage.slack.press(trip.other, question, "held-note")
    reply = trip.writes(trip.owner, trip.reply)
    told = (trip.agent, trip.reply)
    await trip.seen.until(
        f"{told} at {trip.ways.name}",
        lambda: told in trip.replies,
        lambda: f"{trip.replies}, and in the thread\n{trip.thread}",
    )
    await _marked(trip, reply, RECORDED if trip.ways.recorded else SENT)
    await _marked(trip, other)
    expect(not note.reactions, "no mark on the note", note.reactions)
    expect(trip.replies == [told], "the reply alone, and once", trip.replies)
    if trip.ways.recorded:
        return "the owner's reply was recorded and marked as that; a note and another's reply stayed in"
    return "the owner's reply reached the customer, marked as sent; a note and another's reply stayed in"


async def customer_answers(trip: Trip) -> str | None:
    if "handoff" not in trip.ways.hears:
        return None
    trip.says(ANSWER)
    await trip.shows(trip.customer, ANSWER)
    once(trip.thread)  # the vendor's echo of the reply came before this answer
    return f"the answer is in the thread as {trip.customer}, the echo of the reply is not"


async def handed_back(trip: Trip) -> str:
    trip.writes(trip.owner, "!bot")
    if trip.ways.hands_back is None:
        await _whispered(trip, trip.owner, "Moveo")
        expect(trip.conversation.state == "handoff", "a handoff that goes on", trip.conversation.state)
        return f"!bot is refused: {trip.ways.name} has no call for it"
    await trip.seen.line(trip.thread, APP, "handed the conversation back")
    await _state(trip, "bot")
    await trip.seen.card(trip.thread, trip.ways.hands_back)
    await _ended(trip)
    return "!bot hands it back: the vendor, the card and the alerts say so"


async def resolved(trip: Trip) -> str:
    """By the button, which asks first; for the vendors that had it back, in another handoff."""
    once(trip.thread)
    if trip.ways.hands_back is not None:
        await _ask(trip, f"It is about order {trip.order} again, a person please")
    slack = trip.seen.stage.slack
    await slack.press(MINA, trip.root, "act-resolve")
    modal = await trip.seen.until("a modal that asks first", lambda: slack.modal_of(MINA), lambda: "none")
    await slack.submit(MINA, modal)
    await trip.seen.line(trip.thread, APP, "resolved the conversation")
    await trip.seen.card(trip.thread, "closed")
    await _state(trip, "bot" if trip.ways.own_session else "ended")
    await _ended(trip)
    return "Resolve asks first, and closes it at the vendor, on the card and in the alerts"


async def reopened(trip: Trip) -> str:
    trip.writes(MINA, "!reopen")
    if not trip.ways.reopens:
        await _whispered(trip, MINA, trip.ways.name)
        await trip.seen.card(trip.thread, "closed")
        return f"!reopen is refused: {trip.ways.name} cannot"
    await trip.seen.line(trip.thread, APP, "reopened the conversation")
    await trip.seen.card(trip.thread, "Mina Park has the conversation")
    await _state(trip, "handoff")
    return "!reopen opens it again at the vendor, for whoever asked"


async def ends(trip: Trip) -> str:
    if trip.ways.reopens:
        trip.vendor.end(trip.conversation.id)
        await trip.shows(APP, "The conversation was ended")
        await trip.seen.card(trip.thread, "closed")
    await trip.vendor.settled()  # GPTBots tells the reply to the AI agent's thread, where it is an echo too
    threads = trip.seen.threads(trip.ways.channel)
    shown = [str(line) for one in threads for line in one.lines if line.words == trip.reply]
    expect(len(shown) == 1, "the reply in its own thread only", "\n".join(shown))
    expect(trip.replies == [(trip.agent, trip.reply)], "the reply alone, and once", trip.replies)
    alerts = [one for one in trip.seen.stage.slack.state.messages(ALERTS) if not one.is_reply]
    open_ = [words(one) for one in alerts if "waits for a human" in words(one)]
    expect(not open_, "no alert that still waits", open_)
    return "at the end the customer has one reply, and every alert is in its final state"


# ── what is seen ─────────────────────────────────────────────────────────────────────────────────


async def _marked(trip: Trip, message: Message, *marks: str) -> None:
    await trip.seen.until(
        f"the marks {marks} on “{message.text}”",
        lambda: list(message.reactions) == list(marks),
        lambda: f"{list(message.reactions)}, and in the thread\n{trip.thread}",
    )


def _whispers(trip: Trip, user: str) -> list[Message]:
    channel, ts = trip.thread.where
    told = trip.seen.stage.slack.state.channels[channel].ephemerals.values()
    return [one for one in told if one.ephemeral_to == user and one.thread_ts == ts]


async def _whispered(trip: Trip, user: str, text: str) -> Message:
    return await trip.seen.until(
        f"“{text}”, which only {user} sees",
        lambda: next((one for one in _whispers(trip, user) if text in words(one)), None),
        lambda: [words(one) for one in _whispers(trip, user)],
    )


async def _alerted(trip: Trip, text: str) -> Message:
    """The newest alert of this customer's in the alert channel, once it says so."""

    def alerts() -> list[Message]:
        told = trip.seen.stage.slack.state.messages(ALERTS)
        return [one for one in told if not one.is_reply and trip.ways.source in words(one)]

    def look() -> Message | None:
        return alerts()[-1] if alerts() and text in words(alerts()[-1]) else None

    return await trip.seen.until(
        f"an alert in #{ALERTS}: {text}", look, lambda: [words(one) for one in alerts()]
    )


async def _ended(trip: Trip) -> None:
    """Both alerts of the last handoff show that it is over."""

    def over(text: str) -> bool:
        return "waits for a human" not in text and "is talking with" not in text

    newest = (await _alerted(trip, trip.ways.source)), trip.alerts[-1]
    await trip.seen.until(
        "both alerts in their final state",
        lambda: all(over(words(one)) and "act-" not in str(one.blocks) for one in newest),
        lambda: [words(one) for one in newest],
    )


async def _state(trip: Trip, state: str) -> None:
    await trip.seen.until(
        f"{trip.ways.name} in state {state}",
        lambda: trip.conversation.state == state,
        lambda: trip.conversation.state,
    )
