"""Carousels as Slack's own carousel block; below it each card as words with links.

An agent may open what a card links to. What the customer would *say* by pressing is shown, and cannot be
pressed here (see `choices`). https://docs.slack.dev/reference/block-kit/blocks/carousel-block
"""

from __future__ import annotations

from collections.abc import Sequence

from bridge.model import Button, Card
from bridge.render import limits
from bridge.render.literal import Block, Element, is_web, like_an_address, one_line, plain
from bridge.render.pieces import Piece, flow
from bridge.render.words import button_label, card_words

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
    drawn = [_draw(number, card) for number, card in cards]
    native: list[Block] = [{"type": "carousel", "elements": [block for block, _ in drawn]}]
    cut = [card for card, (_, whole) in zip(cards, drawn, strict=True) if not whole]
    native += [block for piece in _plainer(cut) for block in piece.blocks]
    return [Piece(tuple(native), plainer[0].plainer)]


def _draw(number: int, card: Card) -> tuple[Block, bool]:
    """One card's block, and whether it holds the whole card; what it does not follows in words.

    https://docs.slack.dev/reference/block-kit/blocks/card-block
    """
    title = one_line(card.title, None) or f"Card {number}"
    buttons = list(card.buttons)
    block: Block = {"type": "card"}
    if card.media and card.media.type == "image" and is_web(card.media.url):
        alt = one_line(title)
        block["hero_image"] = {"type": "image", "image_url": card.media.url, "alt_text": alt}
    elif card.media:
        what = one_line(card.media.type) or "media"
        buttons.insert(0, Button(type="url", text=f"Open the {what}", url=card.media.url))

    links = [(button_label(one), one.url or "") for one in buttons]
    links = [(label, address) for label, address in links if pressable(label, address)]
    offered = [one_line(one.text, None) or "(blank)" for one in buttons if not one.url]
    whole = len(links) <= limits.CARD_BUTTONS and len(links) + len(offered) == len(buttons)

    for name, words, limit in (
        ("title", title, limits.CARD_TITLE),
        ("subtitle", one_line(card.subtitle, None), limits.CARD_SUBTITLE),
        ("body", "Offered: " + " · ".join(offered) if offered else "", limits.CARD_BODY),
    ):
        whole &= len(words) <= limit
        if words:
            block[name] = plain(one_line(words, limit))
    if links:
        actions = [
            link_button(label, address, f"open-{number}-{index}")
            for index, (label, address) in enumerate(links[: limits.CARD_BUTTONS])
        ]
        block["actions"] = actions
    return block, whole


def pressable(label: str, address: str) -> bool:
    """A button hides where it leads: none for a label that reads as if it led elsewhere, or is cut."""
    return is_web(address) and 0 < len(label) <= limits.BUTTON and not like_an_address(label)


def link_button(label: str, address: str, action: str) -> Element:
    """https://docs.slack.dev/reference/block-kit/block-elements/button-element"""
    return {"type": "button", "text": plain(label), "url": address, "action_id": action}
