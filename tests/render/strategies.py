"""Events of every kind, holding anything a vendor could send."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from bridge.model import (
    Act,
    Audio,
    Author,
    Button,
    Card,
    Carousel,
    Channel,
    Control,
    ConversationEnded,
    ConversationKey,
    ConversationReopened,
    ConversationStarted,
    Customer,
    File,
    HandoffEnded,
    HandoffStarted,
    Image,
    Link,
    Media,
    MemberJoined,
    MemberLeft,
    Message,
    Option,
    Options,
    Presence,
    Quote,
    Receipt,
    Role,
    Text,
    Typing,
    UnknownEvent,
    UnknownPart,
    Video,
    Webview,
)
from bridge.render import ConversationView, HandoffView

HOSTILE = st.sampled_from(
    [
        "<!channel>",
        "<!subteam^S1>",
        "<@U123>",
        "@here",
        "```",
        "<https://evil.example|https://bank.example>",
        "[bank.example](https://evil.example)",
        "![x](javascript:alert(1))",
        "<b>bold</b>",
        "&lt;!here&gt;",
        "*b* _i_ ~s~ `c`",
        "> quoted",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "- a\n  - b\n1. c",
        "$[1]$",
        "\n\n",
        "\u202etxt.exe",
        ":wave:",
        "&" * 3000,
        "word " * 1500,
        "\n" * 500 + "x",
    ]
)
WORDS = st.text(max_size=30) | st.lists(HOSTILE | st.text(max_size=10), max_size=4).map("".join)
ADDRESS = st.one_of(
    st.sampled_from(
        ["https://example.com/a", "http://x.example", "javascript:alert(1)", "data:text/html,x", ""]
    ),
    WORDS.map("https://example.com/".__add__),
    WORDS,
)
MAYBE = st.none() | WORDS

AT = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
JSON = st.recursive(
    st.none() | st.integers() | WORDS, lambda inner: st.lists(inner, max_size=3), max_leaves=4
)

AUTHOR = st.builds(Author, role=st.sampled_from(Role), name=MAYBE, avatar=st.none() | ADDRESS)
CUSTOMER = st.builds(Customer, name=MAYBE, email=MAYBE, phone=MAYBE, avatar=ADDRESS, language=MAYBE)
CHANNEL = st.builds(Channel, id=MAYBE, name=MAYBE, type=MAYBE, modality=MAYBE)
QUOTE = st.builds(Quote, role=st.sampled_from(Role), text=WORDS)
OPTION = st.builds(Option, text=WORDS, value=MAYBE)
BUTTON = st.builds(Button, type=WORDS, text=WORDS, value=MAYBE, url=st.none() | ADDRESS, height=MAYBE)
MEDIA = st.builds(Media, type=st.sampled_from(["image", "video"]) | WORDS, url=ADDRESS)
CARD = st.builds(
    Card,
    title=MAYBE,
    subtitle=MAYBE,
    media=st.none() | MEDIA,
    buttons=st.lists(BUTTON, max_size=5).map(tuple),
)
PART = st.one_of(
    st.builds(Text, text=WORDS, label=MAYBE),
    st.builds(Image, url=ADDRESS, name=MAYBE),
    st.builds(Video, url=ADDRESS, name=MAYBE),
    st.builds(Audio, url=ADDRESS, name=MAYBE, transcript=MAYBE),
    st.builds(File, url=st.none() | ADDRESS, id=MAYBE, name=MAYBE, size=st.none() | st.integers()),
    st.builds(Link, url=ADDRESS, text=MAYBE),
    st.builds(Webview, url=ADDRESS, text=MAYBE, height=MAYBE),
    st.builds(Options, options=st.lists(OPTION, max_size=4).map(tuple)),
    st.builds(Carousel, cards=st.lists(CARD, max_size=12).map(tuple)),
    st.builds(UnknownPart, type=WORDS, data=st.dictionaries(WORDS, JSON, max_size=3)),
)


def _events(kind: Any, **fields: Any) -> st.SearchStrategy[Any]:
    key = ConversationKey(source="acme", id="c-1")
    return st.builds(kind, id=st.just("e1"), conversation=st.just(key), at=AT, **fields)


MESSAGE = _events(Message, author=AUTHOR, parts=st.lists(PART, max_size=6).map(tuple))
EVENT = st.one_of(
    MESSAGE,
    _events(Presence, author=AUTHOR, text=WORDS),
    _events(Typing, author=AUTHOR, active=st.booleans()),
    _events(Receipt, state=st.just("read"), by=WORDS),
    _events(
        HandoffStarted,
        text=MAYBE,
        reason=MAYBE,
        department=MAYBE,
        context=st.lists(QUOTE, max_size=4).map(tuple),
        wait=st.none() | st.floats(),
        customer=st.none() | CUSTOMER,
    ),
    _events(MemberJoined, author=AUTHOR),
    _events(MemberLeft, author=AUTHOR),
    _events(ConversationEnded, by=st.none() | AUTHOR, reason=MAYBE),
    _events(UnknownEvent, type=WORDS, problem=MAYBE),
    _events(HandoffEnded) | _events(ConversationStarted) | _events(ConversationReopened),
)
VIEW = st.builds(
    ConversationView,
    key=st.just(ConversationKey(source="acme", id="c-1")),
    vendor=st.just("ada"),
    control=st.sampled_from(Control),
    customer=st.none() | CUSTOMER,
    channel=st.none() | CHANNEL,
    start_page=st.none() | ADDRESS,
    details=st.dictionaries(WORDS, JSON, max_size=20),
    started_at=st.none() | AT,
    owner=MAYBE,
    can_choose=st.booleans(),
    can=st.frozensets(st.sampled_from(Act)),
    out_of_turn=st.booleans(),
)
HANDOFF = st.builds(
    HandoffView,
    control=st.sampled_from(Control),
    started_at=AT,
    waiting_since=st.none() | AT,
    reason=MAYBE,
    department=MAYBE,
    told=MAYBE,
    last_words=MAYBE,
    deadline=st.none() | AT,
    opens_at=st.none() | AT,
    owner=MAYBE,
    claimed_at=st.none() | AT,
    released_by=MAYBE,
    ended_at=st.none() | AT,
    ending=st.sampled_from([None, "handed_back", "closed", "expired"]),
    ended_by=MAYBE,
    thread=st.none() | ADDRESS,
)
