"""The scripted AI agent that answers in all three sandboxes. Each vendor puts it into its own formats."""

from __future__ import annotations

import re
from dataclasses import dataclass

NAME = "Shop Assistant"


@dataclass(frozen=True)
class Option:
    """Something the customer may press; `text` is what they then say."""

    label: str
    text: str


@dataclass(frozen=True)
class Card:
    title: str
    subtitle: str
    image: str
    page: str
    sku: str


@dataclass(frozen=True)
class Answer:
    """`audio` is the address of `text` spoken; with `hands_over` a person is asked for."""

    text: str
    options: tuple[Option, ...] = ()
    cards: tuple[Card, ...] = ()
    audio: str | None = None
    hands_over: bool = False


ASK_ORDER = Option("Check order", "Where is my order?")
ASK_PRODUCTS = Option("Products", "Show me your products")
ASK_HUMAN = Option("Talk to a person", "I want to talk to a person")

GREETING = Answer("Hello! How can I help you today?", options=(ASK_ORDER, ASK_PRODUCTS, ASK_HUMAN))
NOBODY_FREE = Answer("Sorry, I could not reach anybody of the team just now. Shall I try to help meanwhile?")
BACK_AGAIN = Answer("I'm back. Is there anything else I can do for you?")

_MEDIA = "https://example.com/media"
_SHOP = "https://example.com/shop"
CARDS = (
    Card("Mountain Mug", "$12.50, keeps warm for hours", f"{_MEDIA}/mug.png", f"{_SHOP}/mug", "mug"),
    Card("Trail Lamp", "$29.99, 300 lumens", f"{_MEDIA}/lamp.png", f"{_SHOP}/lamp", "lamp"),
    Card("Wool Blanket", "$64.00, made to last", f"{_MEDIA}/blanket.png", f"{_SHOP}/blanket", "blanket"),
)
SHOP = _SHOP


def answer(said: str) -> Answer:
    """What the AI agent says to `said`: always the same to the same words."""
    text = said.lower()
    if re.search(r"\b(human|agent|person|people)\b", text):
        return Answer("One moment, I'm getting a person for you.", hands_over=True)
    for card in CARDS:
        if card.title.lower() in text:
            return Answer(f"The {card.title}: {card.subtitle}. You find it at {card.page}")
    if re.search(r"\bvoice\b", text):
        return Answer(
            "Our shop is open from nine to six, Monday to Saturday.", audio=f"{_MEDIA}/opening-hours.mp3"
        )
    if re.search(r"\b(orders?|parcels?)\b", text):
        number = re.search(r"\d+", text)
        return Answer(
            f"Parcel {number[0] if number else '1042'} left our warehouse this morning "
            "and arrives tomorrow before noon.",
            options=(Option("Track it", "Track my order"), ASK_HUMAN),
        )
    if re.search(r"\bproducts?\b|\bshow me\b", text):
        return Answer(
            "These are our three favourites. Which one do you like?",
            options=tuple(Option(card.title, f"Tell me about the {card.title}") for card in CARDS),
            cards=CARDS,
        )
    if re.search(r"\b(hi|hello|hey|good (morning|day|evening))\b", text):
        return GREETING
    return Answer(
        "I'm only a small script: ask me about an order, our products, or for a person.",
        options=(ASK_ORDER, ASK_PRODUCTS, ASK_HUMAN),
    )
