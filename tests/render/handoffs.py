"""What agents see and press of a handoff, by name; each has its golden file."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bridge.model import Act, Control, HeldChoice, HeldFor
from bridge.render import HandoffView, SlackMessage, alert, failure, modals, question
from tests.render.examples import AT, UNKNOWN_CUSTOMER, view

HOSTILE = (
    "<!channel> *Boss* <https://evil.example|bank.example>\n> :wave: https://evil.example " + "so " * 200
)


def after(**time: float) -> Any:
    return AT + timedelta(**time)


WAITING = HandoffView(
    control=Control.WAITING,
    started_at=AT,
    waiting_since=AT,
    reason="asked for a person",
    department="support",
    told="One moment, please.",
    last_words="I want\na person",
    thread="https://handoff-sandbox.slack.com/archives/C1/p1777886130000000",
)
CLAIMED = replace(WAITING, control=Control.HUMAN, owner="Mina Park", claimed_at=after(seconds=80))
ENDED = replace(CLAIMED, ended_at=after(minutes=65), ended_by="Mina Park")

HANDOFFS: dict[str, HandoffView] = {
    "waiting": WAITING,
    "bare": HandoffView(control=Control.WAITING, started_at=AT),
    "with_deadline": replace(WAITING, deadline=after(seconds=60)),
    "outside_hours": replace(WAITING, opens_at=after(hours=14)),
    "released": replace(WAITING, waiting_since=after(minutes=9), released_by="Jo <here>"),
    "claimed": CLAIMED,
    "at_the_vendor": replace(CLAIMED, owner=None, claimed_at=None),
    "handed_back": replace(ENDED, control=Control.BOT, ending="handed_back"),
    "closed": replace(ENDED, control=Control.CLOSED, ending="closed", ended_by=None),
    "expired": replace(WAITING, control=Control.CLOSED, ending="expired", ended_at=after(seconds=60)),
    "hostile": replace(WAITING, reason=HOSTILE, department=HOSTILE, last_words=HOSTILE, told=HOSTILE),
}
ALERTS: dict[str, SlackMessage] = {
    **{f"alert_{name}": alert(view(), one, in_thread=False) for name, one in HANDOFFS.items()},
    **{
        f"alert_{name}_in_thread": alert(view(), HANDOFFS[name], in_thread=True)
        for name in ("waiting", "claimed", "expired", "hostile")
    },
    "alert_of_nobody_known": alert(UNKNOWN_CUSTOMER, WAITING, in_thread=False),
    "alert_not_to_be_claimed": alert(view(can=frozenset()), WAITING, in_thread=False),
}


def held(
    reason: HeldFor, *choices: HeldChoice, words: str = "It is on its way.", **more: Any
) -> SlackMessage:
    return question(reason, choices, delivery=17, thread_ts="1777886130.000100", words=words, **more)


QUESTIONS: dict[str, SlackMessage] = {
    "held_for_bot": held(HeldFor.BOT, HeldChoice.TAKE_OVER, HeldChoice.ONCE, HeldChoice.NOTE),
    "held_for_bot_that_keeps_it": held(
        HeldFor.BOT, HeldChoice.ONCE, HeldChoice.NOTE, cannot="Ada hands a conversation over only by itself"
    ),
    "held_for_closed": held(HeldFor.CLOSED, HeldChoice.REOPEN, HeldChoice.NOTE),
    "held_for_closed_for_good": held(
        HeldFor.CLOSED, HeldChoice.NOTE, cannot="Ada has no call that reopens a conversation"
    ),
    "held_for_owner": held(HeldFor.OWNED, HeldChoice.ONCE, HeldChoice.NOTE, owner="Jo <here>"),
    "held_for_somebody": held(HeldFor.OWNED, HeldChoice.SEND, HeldChoice.NOTE, words=HOSTILE),
    "held_for_a_word": held(
        HeldFor.UNCLEAR, HeldChoice.SEND, HeldChoice.NOTE, words="!relase\nplease", meant="!release"
    ),
    "held_for_a_transfer_to_nobody": held(
        HeldFor.UNCLEAR, HeldChoice.SEND, HeldChoice.NOTE, words="!transfer Jo", meant="!transfer"
    ),
    "held_for_an_odd_word": held(HeldFor.UNCLEAR, HeldChoice.SEND, HeldChoice.NOTE, words="!important <b>"),
    "held_with_a_forward": held(
        HeldFor.LEFT_OUT,
        HeldChoice.WITHOUT,
        HeldChoice.NOTE,
        left_out=["a forwarded message from #support-leads"],
    ),
    "held_with_all_sorts": held(
        HeldFor.LEFT_OUT,
        HeldChoice.WITHOUT,
        HeldChoice.NOTE,
        left_out=["an image", "an image", *(f"a canvas ({HOSTILE} {number})" for number in range(7))],
    ),
    "held_only_a_forward": held(
        HeldFor.NOTHING_LEFT, HeldChoice.NOTE, words="", left_out=["a forwarded message", "an image (dance)"]
    ),
    "held_for_bot_without_a_forward": held(
        HeldFor.BOT, HeldChoice.ONCE, HeldChoice.NOTE, left_out=["a forwarded message from #support-leads"]
    ),
    "held_files": held(HeldFor.BOT, HeldChoice.ONCE, HeldChoice.NOTE, words=""),
    "failed": failure("A reply was not sent: Ada refused it.", delivery=17, thread_ts="1777886130.000100"),
    "uncertain": failure(
        "Nobody knows whether this reply arrived.", delivery=17, thread_ts="1777886130.000100", uncertain=True
    ),
}

ABOUT = {"conversation": 3, "act": "resolve", "channel": "C1", "thread_ts": "1777886130.000100"}
MODALS: dict[str, dict[str, Any]] = {
    "modal_transfer": modals.transfer(ABOUT),
    "modal_hand_back": modals.confirm(Act.HAND_BACK, ABOUT, view()),
    "modal_hand_back_of_a_session": modals.confirm(
        Act.HAND_BACK,
        ABOUT,
        view(vendor="gptbots"),
        modals.warnings("gptbots", held=2, queued=1, uncertain=3, own_conversation=True),
    ),
    "modal_resolve": modals.confirm(Act.RESOLVE, ABOUT, view(), ["Long. " * 60]),
    "modal_resolve_of_nobody_known": modals.confirm(Act.RESOLVE, ABOUT, UNKNOWN_CUSTOMER),
    "modal_refused": modals.refused("Jo has the conversation."),
}
