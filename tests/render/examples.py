"""Events by name, one for every kind and variant; each has its golden file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bridge.model import (
    Act,
    AnyEvent,
    AnyPart,
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
from bridge.render import ConversationView

AT = datetime(2026, 5, 4, 9, 15, 30, tzinfo=UTC)
KEY = ConversationKey(source="acme", id="c-1")
ADA = Customer(id="u1", name="Ada Lovelace", email="ada@example.org", language="en")

CUSTOMER = Author(role=Role.CUSTOMER, id="u1", name="Ada Lovelace", avatar="https://img.example.org/ada.png")
BOT = Author(role=Role.BOT)
AGENT = Author(role=Role.AGENT, id="agent-123", name="Sarah Johnson", avatar="https://example.com/sarah.jpg")
SYSTEM = Author(role=Role.SYSTEM)


def view(**changes: Any) -> ConversationView:
    known: dict[str, Any] = {
        "key": KEY,
        "vendor": "ada",
        "control": Control.BOT,
        "customer": ADA,
        "channel": Channel(id="ch", name="Web chat", type="native", modality="messaging"),
        "start_page": "https://shop.example.org/cart",
        "details": {},
        "started_at": AT,
    }
    return ConversationView(**{**known, **changes})


UNKNOWN_CUSTOMER = view(customer=None, channel=None, start_page=None, started_at=None)


def event(kind: type[Any], **fields: Any) -> Any:
    return kind(**{"id": "e1", "conversation": KEY, "at": AT, **fields})


def said(author: Author, *parts: AnyPart) -> Message:
    return event(Message, author=author, parts=parts)  # type: ignore[no-any-return]


CARDS = (
    Card(
        title="Product A",
        subtitle="$29.99",
        media=Media(type="image", url="https://example.com/product-a.jpg"),
        buttons=(
            Button(type="postback", text="Buy Now", value="buy_product_a"),
            Button(type="url", text="Learn More", url="https://example.com/product-a"),
        ),
    ),
    Card(
        title="Product B",
        media=Media(type="video", url="https://example.com/product-b.mp4"),
        buttons=(Button(type="webview", text="Configure", url="https://example.com/b", height="tall"),),
    ),
)

MARKDOWN = """\
# Your order

It is **on its *way***, ~~lost~~ see [the page](https://example.com/o/1) or <https://example.com>,
the second line, `code`, ![a photo](https://example.com/p.png), [bank.example](https://evil.example),
[odd](javascript:alert(1)) and AT&amp;T.

- one
  with more
- two
  1. nested
  2. nested too

     its second paragraph
- three

3. third
   ```
   fenced = True
   ```
4. fourth

> quoted **words**
> - a list in it

---
1985\\. That was the year."""

TABLE = """\
| Item | Price | Note |
|:-----|------:|:----:|
| Tea | $2 | |
| **Cake** | $12 | [menu](https://example.com/menu) |"""

LONG_TABLE = "| n | words |\n|---|---|\n" + "\n".join(f"| {n} | some words in a row |" for n in range(150))

EVENTS: dict[str, AnyEvent] = {
    "conversation_started": event(ConversationStarted, start_page="https://shop.example.org/"),
    "text_customer": said(CUSTOMER, Text(text="where is parcel 42?")),
    "text_bot": said(BOT, Text(text="Hello! How can I help you today?")),
    "text_agent": said(AGENT, Text(text="Hi! I'm Sarah from support.\nHow can I help you?")),
    "text_told_late": event(Message, author=CUSTOMER, parts=(Text(text="where is parcel 42?"),), late=True),
    "text_system": said(SYSTEM, Text(text="Your chat may be recorded.")),
    "text_hostile": said(
        Author(role=Role.CUSTOMER, name="<!channel> *Boss* \u202e\n(agent)", avatar="javascript:alert(1)"),
        Text(
            text="<!channel> <@U123ABC> @here ```broken <https://evil.example|bank.example> &lt;b&gt; :wave:"
        ),
        Link(url="https://evil.example/login", text="https://bank.example"),
        Link(url="javascript:alert(1)", text="Your order"),
        Options(options=(Option(text="<!here>", value="<@U1>"),)),
        File(url="data:text/html,<b>", name="<!everyone>.pdf"),
    ),
    "text_blank": said(BOT, Text(text=" \n ")),
    "text_long": said(
        BOT, Text(text="\n\n".join(f"Paragraph {n}. " + "Some words & more. " * 12 for n in range(40)))
    ),
    "text_with_options": said(
        BOT,
        Text(text="Here's your order status."),
        Options(
            options=(
                Option(text="Track Order", value="Track my order"),
                Option(text="Support", value="Support"),
            )
        ),
    ),
    "image": said(BOT, Image(url="https://example.com/image.jpg", name="Product Image")),
    "image_without_name": said(CUSTOMER, Image(url="https://example.com/image.jpg")),
    "video": said(BOT, Video(url="https://example.com/video.mp4", name="Tutorial Video")),
    "audio": said(BOT, Audio(url="https://example.com/audio.mp3", name="Voice Message")),
    "audio_with_transcript": said(
        BOT, Audio(url="https://example.com/a.mp3", transcript="Your parcel\nis on its way.")
    ),
    "audio_with_long_transcript": said(
        BOT, Audio(url="https://example.com/a.mp3", name="Call", transcript="A long <call>. " * 400)
    ),
    "file": said(CUSTOMER, File(url="https://example.com/document.pdf", name="Invoice.pdf", size=102400)),
    "file_at_the_vendor": said(AGENT, File(id="f-1", name="Invoice.pdf", mime_type="application/pdf")),
    "link": said(BOT, Link(url="https://survey.example.org/s/1?a=b&c=d", text="How did we do?")),
    "link_without_text": said(BOT, Link(url="https://survey.example.org/s/1")),
    "webview": said(BOT, Webview(url="https://example.com/form", text="Fill out form", height="full")),
    "carousel": said(BOT, Carousel(cards=CARDS)),
    "carousel_twelve_cards": said(
        BOT, Carousel(cards=tuple(Card(title=f"Product {n}", subtitle="$1") for n in range(1, 13)))
    ),
    "carousel_that_is_cut": said(
        BOT,
        Carousel(
            cards=(
                Card(
                    title="T" * 160,
                    subtitle="S" * 160,
                    media=Media(type="audio", url="https://example.com/a.mp3"),
                    buttons=(
                        *(
                            Button(type="url", text=f"Page {n}", url=f"https://example.com/{n}")
                            for n in range(3)
                        ),
                        Button(type="url", text="bank.example", url="https://evil.example"),
                        Button(type="phone", text="Call us", value="+1 555 0100"),
                        Button(type="postback", text="O" * 250, value="o"),
                    ),
                ),
                Card(buttons=(Button(type="postback", text="", value="x"),)),
                Card(title="No web address", media=Media(type="image", url="attachment:1")),
            )
        ),
    ),
    "carousel_of_nothing": said(BOT, Carousel(cards=())),
    "image_that_is_no_address": said(BOT, Image(url="cid:123", name="logo")),
    "webview_without_label": said(BOT, Webview(url="https://example.com/form", height="new_window")),
    "webview_that_hides_where": said(BOT, Webview(url="https://evil.example/", text="https://bank.example")),
    "markdown": said(BOT, Text(text=MARKDOWN)),
    "markdown_of_a_customer": said(
        CUSTOMER, Text(text="2*3*4 = 24, see https://example.com/a_(b).\n# not a title")
    ),
    "markdown_table": said(BOT, Text(text=TABLE)),
    "markdown_two_tables": said(BOT, Text(text=TABLE + "\n\nand\n\n" + TABLE)),
    "markdown_long_table": said(BOT, Text(text=LONG_TABLE)),
    "markdown_long_code": said(
        BOT, Text(text="Look:\n```python\n" + "print('a line of code')\n" * 200 + "```\nDone.")
    ),
    "html": said(
        BOT, Text(text='<b>Bold</b> <a href="https://evil.example">x</a>\n<script>alert(1)</script>')
    ),
    "citations": said(BOT, Text(text="Parcels take two days$[1]$$[2]$. It costs $[x]$ $5.")),
    "unknown_part": said(BOT, UnknownPart(type="survey", data={"url": "https://example.com/s", "stars": 5})),
    "branches": said(
        BOT,
        Text(text="From the shop.", label="Shop"),
        Text(text="More from the shop.", label="Shop"),
        Text(text="From billing.", label="Billing"),
        Image(url="https://example.com/bill.png", label="Billing"),
        Audio(url="https://example.com/help.mp3", label="Help", transcript="Press one."),
    ),
    "several_parts": said(
        BOT,
        Text(text="First."),
        Image(url="https://example.com/1.png"),
        Text(text="Then."),
        File(url="https://example.com/2.pdf", name="2.pdf"),
        Options(options=(Option(text="Yes"), Option(text="No"))),
    ),
    "presence": event(Presence, author=AGENT, text="Mina has joined & says <hello>"),
    "presence_told_late": event(Presence, author=AGENT, text="Mina has joined", late=True),
    "typing": event(Typing, author=AGENT, active=True),
    "receipt": event(Receipt, state="read", by="customer"),
    "handoff_started": event(
        HandoffStarted,
        text="Transferring you to a human agent...",
        reason="asked for a person",
        department="support",
        wait=60.0,
        context=(
            Quote(role=Role.CUSTOMER, text="I want a person"),
            Quote(role=Role.BOT, text=""),
            Quote(role=Role.BOT, text="One moment,\nplease."),
        ),
    ),
    "handoff_started_bare": event(HandoffStarted),
    "handoff_started_long": event(HandoffStarted, text="Please wait. " * 400, reason="<!channel> why " * 50),
    "handoff_ended": event(HandoffEnded),
    "member_joined": event(MemberJoined, author=AGENT),
    "member_left": event(MemberLeft, author=AGENT),
    "ended": event(ConversationEnded),
    "ended_by_customer": event(ConversationEnded, by=CUSTOMER, reason="USER_CLOSED"),
    "ended_by_system": event(ConversationEnded, by=SYSTEM, reason="TIMEOUT"),
    "ended_by_agent": event(ConversationEnded, by=AGENT, reason="resolved"),
    "reopened": event(ConversationReopened),
    "unknown_event": event(UnknownEvent, type="conversation:teleported"),
    "unreadable_event": event(UnknownEvent, type="message:send", problem="body.text is a number"),
}

VIEWS: dict[str, ConversationView] = {
    "card": view(details={"plan": "gold", "orders": 3, "tags": ["vip", "<!here>"], "empty": ""}),
    "card_waiting": view(control=Control.WAITING),
    "card_human": view(control=Control.HUMAN, vendor="moveo"),
    "card_closed": view(control=Control.CLOSED, vendor="gptbots"),
    "card_unknown_customer": UNKNOWN_CUSTOMER,
    "card_bot_to_take_over": view(can=frozenset(Act)),
    "card_waiting_all_acts": view(control=Control.WAITING, can=frozenset(Act), since=AT),
    "card_human_all_acts": view(control=Control.HUMAN, can=frozenset(Act), since=AT, owner="Mina <Park>"),
    "card_closed_to_reopen": view(control=Control.CLOSED, can=frozenset(Act)),
    "card_many_details": view(details={f"field {n}": "x" * 400 for n in range(30)}),
}
