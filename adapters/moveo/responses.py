"""What Moveo's AI says, piece by piece: its response objects become parts and events, in order. Pure.

Eight types and `pause` are documented for the custom integration, `url`, `survey` and `close` and some
more fields for its sibling, the WebSocket; those are read as well.
docs.moveo.ai/api/custom-integration/custom-integration-webhook-events and …/docs/api/websocket/response-types
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bridge.adapter import address, mapping, mappings, scalars, text_of, whole, without_blank_texts, word
from bridge.model import (
    AnyEvent,
    AnyPart,
    Audio,
    Author,
    Button,
    Card,
    Carousel,
    ConversationEnded,
    File,
    HandoffStarted,
    Image,
    Link,
    Media,
    Message,
    Option,
    Options,
    Role,
    Text,
    Typing,
    UnknownPart,
    Video,
    Webview,
)

BRAIN = Author(role=Role.BOT)

#: the fields of each type that are read; what else there is goes to the event's details as `type.field`
_READ = {
    "text": {"text", "texts", "options"},
    "image": {"url", "name"},
    "video": {"url", "name"},
    "audio": {"url", "name"},
    "file": {"url", "name", "size"},
    "carousel": {"cards"},
    "webview": {"url", "label", "height"},
    "survey": {"url", "label", "height"},
    "url": {"url"},
    "handover": {"text", "department_id"},
    "pause": {"duration"},
    "close": set[str](),
}


def events_of(responses: object, base: Mapping[str, Any]) -> Iterator[AnyEvent]:
    """One message for what stands together, and an event of its own for what is none.

    `base` has what the webhook says of the customer and the session. Only the first event of the thread has
    it, since each event is stored and a webhook may have a thousand responses. The first handover has the
    customer as well: its alert does not wait for the thread.
    """
    bare = {**base, "customer": None, "details": {}}
    fields = iter((base,))
    customers = iter((base["customer"],))

    def having(own: dict[str, Any], kind: str = "") -> dict[str, Any]:
        chosen = bare if kind == "pause" else next(fields, bare)
        if kind == "handover" and (customer := next(customers, None)):
            chosen = {**chosen, "customer": customer}
        return {**chosen, "details": {**chosen["details"], **own}}

    parts: list[AnyPart] = []
    details: dict[str, Any] = {}
    for response in mappings(responses):
        kind = word(response.get("type")) or "untyped"
        if kind in _EVENTS:
            if parts:
                yield Message(**having(details), author=BRAIN, parts=without_blank_texts(parts))
            yield _EVENTS[kind](response, having(_rest(kind, response), kind))
            parts, details = [], {}
        else:
            parts += _parts(kind, response)
            details |= _rest(kind, response)
    if parts:
        yield Message(**having(details), author=BRAIN, parts=without_blank_texts(parts))


def _rest(kind: str, response: Mapping[str, Any]) -> dict[str, Any]:
    rest = scalars(response, without={"type", *_READ.get(kind, response)})
    return {f"{kind}.{name}": value for name, value in rest.items()}


# ── events ───────────────────────────────────────────────────────────────────────────────────────


def _handover(response: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    department = word(response.get("department_id"))
    return HandoffStarted(**base, text=word(response.get("text")), department=department)


def _pause(response: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    duration: Any = response.get("duration")
    seconds = float(duration) if type(duration) in (int, float) and 0 <= duration < 3600 else None
    return Typing(**base, author=BRAIN, active=response.get("show_typing") is not False, seconds=seconds)


def _close(response: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    return ConversationEnded(**base, by=BRAIN, reason="close")


_EVENTS = {"handover": _handover, "pause": _pause, "close": _close}


# ── parts ────────────────────────────────────────────────────────────────────────────────────────


def _parts(kind: str, response: Mapping[str, Any]) -> list[AnyPart]:
    url, name = address(response.get("url")), word(response.get("name"))
    match kind:
        case "text":
            return _text(response)
        case "carousel" if cards := mappings(response.get("cards")):
            return _carousel(cards)
        case "image" if url:
            return [Image(url=url, name=name)]
        case "video" if url:
            return [Video(url=url, name=name)]
        case "audio" if url:
            return [Audio(url=url, name=name)]
        case "file" if url:
            return [File(url=url, name=name, size=whole(response.get("size")))]
        case "webview" | "survey" if url:
            label, height = word(response.get("label")), word(response.get("height"))
            return [Webview(url=url, text=label, height=height)]
        case "url" if url:
            return [Link(url=url)]
    return [UnknownPart(type=kind, data=dict(response))]


def _text(response: Mapping[str, Any]) -> list[AnyPart]:
    """`texts` is what Moveo's dialog webhooks call it."""
    several = response.get("texts")
    told = [response.get("text"), *(several if isinstance(several, list) else [])]
    parts: list[AnyPart] = [Text(text=text) for one in told if (text := text_of(one)) is not None]
    options = tuple(
        Option(text=shown, value=word(one.get("text")))
        for one in mappings(response.get("options"))
        if (shown := word(one.get("label")) or word(one.get("text")))
    )
    if options:
        parts.append(Options(options=options))
    if not parts and isinstance(response.get("text"), dict | list):
        parts.append(UnknownPart(type="text", data=dict(response)))
    return parts


def _carousel(cards: list[Mapping[str, Any]]) -> list[AnyPart]:
    media = [mapping(card.get("media")) for card in cards]
    carousel = Carousel(cards=tuple(_card(card) for card in cards))
    unsafe = [UnknownPart(type="media", data=dict(one)) for one in media if one and not _media(one)]
    return [carousel, *unsafe]


def _card(card: Mapping[str, Any]) -> Card:
    return Card(
        title=word(card.get("title")),
        subtitle=word(card.get("subtitle")),
        media=_media(mapping(card.get("media"))),
        buttons=tuple(_button(button) for button in mappings(card.get("buttons"))),
    )


def _media(media: Mapping[str, Any]) -> Media | None:
    url = address(media.get("url"))
    return Media(type=word(media.get("type")) or "image", url=url) if url else None


def _button(button: Mapping[str, Any]) -> Button:
    """An address that must not be a link stays readable as the value."""
    kind, given = word(button.get("type")) or "untyped", word(button.get("url"))
    url, value = address(given), word(button.get("value"))
    return Button(
        type=kind,
        text=word(button.get("label")) or value or given or kind,
        value=value or (given if not url else None),
        url=url,
        height=word(button.get("height")),
    )
