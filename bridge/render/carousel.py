"""Carousels as Slack's own carousel block; below it each card as words with links.

An agent may open what a card links to. What the customer would *say* by pressing is shown, and
cannot be pressed. https://docs.slack.dev/reference/block-kit/blocks/carousel-block
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bridge.model import Button, Card
from bridge.render import limits
from bridge.render.literal import Block, Element, is_web, like_an_address, one_line, plain
from bridge.render.pieces import Piece, flow
from bridge.render.words import card_words, web_view

Numbered = tuple[int, Card]


def carousel(cards: Sequence[Card]) -> list[Piece]:
    """The cards in order, in as many carousels as they need."""
    found: list[Piece] = []
    kept: list[Numbered] = []
    for one in enumerate(cards, 1):
        if kept and (len(kept) == limits.CAROUSEL_CARDS or len(_plainer([*kept, one])) > 1):
            found += _carousel(kept)
            kept = []
        kept.append(one)
    return found + (_carousel(kept) if kept else [])


def _plainer(cards: Sequence[Numbered]) -> list[Piece]:
    return flow(container for number, card in cards for container in card_words(card, number))


def _carousel(cards: Sequence[Numbered]) -> list[Piece]:
    plainer = _plainer(cards)
    if len(plainer) != 1:  # one card that is too long for one message
        return plainer
    drawn = [_Drawn(number, card) for number, card in cards]
    whole = [one for one, shown in zip(cards, drawn, strict=True) if shown.cut]
    blocks: list[Block] = [{"type": "carousel", "elements": [one.block for one in drawn]}]
    blocks += [block for piece in _plainer(whole) for block in piece.blocks]
    return [Piece(tuple(blocks), plainer[0].plainer)]


class _Drawn:
    """One card's block; `cut` when it does not hold all of it, which then follows in words."""

    def __init__(self, number: int, card: Card) -> None:
        self.cut = False
        self.block: Block = {
            "type": "card",
            "title": self._plain(card.title or f"Card {number}", limits.CARD_TITLE),
        }
        if card.subtitle and one_line(card.subtitle):
            self.block["subtitle"] = self._plain(card.subtitle, limits.CARD_SUBTITLE)
        buttons = list(card.buttons)
        if card.media:
            if card.media.type == "image" and is_web(card.media.url):
                alt = one_line(card.title) or f"Card {number}"
                self.block["hero_image"] = {"type": "image", "image_url": card.media.url, "alt_text": alt}
            else:
                what = one_line(card.media.type) or "media"
                buttons.insert(0, Button(type="url", text=f"Open the {what}", url=card.media.url))
        self._buttons(number, buttons)

    def _buttons(self, number: int, buttons: list[Button]) -> None:
        links = [one for one in buttons if pressable(one.text, one.url)]
        offered = [one_line(one.text) or "(blank)" for one in buttons if not one.url]
        self.cut |= len(links) > limits.CARD_BUTTONS or len(links) + len(offered) < len(buttons)
        if links:
            self.block["actions"] = [
                self._button(one, f"open-{number}-{index}")
                for index, one in enumerate(links[: limits.CARD_BUTTONS])
            ]
        if offered:
            self.block["body"] = self._plain("Offered: " + " · ".join(offered), limits.CARD_BODY)

    def _button(self, button: Button, action: str) -> Element:
        label = button.text + (web_view(button.height) if button.height or button.type == "webview" else "")
        self.cut |= len(one_line(label, 10_000)) > limits.BUTTON
        return link_button(label, button.url or "", action)

    def _plain(self, words: str, limit: int) -> dict[str, Any]:
        self.cut |= len(one_line(words, 10_000)) > limit
        return plain(one_line(words, limit) or "–")


def pressable(label: str, address: str | None) -> bool:
    """A button hides where it leads: none for a label that reads as if it led elsewhere."""
    return is_web(address) and bool(one_line(label)) and not like_an_address(label)


def link_button(label: str, address: str, action: str) -> Element:
    """https://docs.slack.dev/reference/block-kit/block-elements/button-element"""
    return {
        "type": "button",
        "text": plain(one_line(label, limits.BUTTON)),
        "url": address,
        "action_id": action,
    }
