"""What goes to Slack, and the rungs below it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from bridge.actions import OWN
from bridge.model import Act, Author, Channel, Control, ConversationKey, Customer, Role
from bridge.render import limits
from bridge.render.literal import Block, Element, escape, is_web, one_line

#: in parentheses stands who somebody is, and that customers do not say themselves
#: of a short name: no two look alike (Crockford's base 32)
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_NO_ROLE = str.maketrans("()（）﹙﹚⁽⁾", "[][][][]")


@dataclass(frozen=True)
class SlackMessage:
    """One chat.postMessage. `plainer` is sent when Slack refuses this one; the last rung has text only."""

    text: str  # escaped mrkdwn, for notifications and screen readers
    blocks: tuple[Block, ...] = ()
    attachments: tuple[Block, ...] = ()
    username: str | None = None  # None: the app itself
    icon_url: str | None = None
    icon_emoji: str | None = None
    broadcast: bool = False
    plainer: SlackMessage | None = None

    def rungs(self) -> Iterator[SlackMessage]:
        """This message and what is sent instead, richest first."""
        rung: SlackMessage | None = self
        while rung:
            yield rung
            rung = rung.plainer

    def told_to_channel(self) -> SlackMessage:
        """This message, as a reply that the whole channel sees."""
        return self._on_each_rung(lambda rung: replace(rung, broadcast=True))

    def with_buttons(self, buttons: Sequence[Element]) -> SlackMessage:
        """This message with `buttons` below its blocks; the rung of text alone has none."""
        row: Block = {"type": "actions", "elements": list(buttons)}
        if not buttons:
            return self
        return self._on_each_rung(lambda rung: replace(rung, blocks=rung.blocks and (*rung.blocks, row)))

    def _on_each_rung(self, change: Callable[[SlackMessage], SlackMessage]) -> SlackMessage:
        return replace(change(self), plainer=self.plainer and self.plainer._on_each_rung(change))


@dataclass(frozen=True)
class SlackFile:
    """One file, to be fetched from the vendor and uploaded; `instead` is the message with the link to it.

    At `url`, or under `id`, for which the vendor gives an address on request. `caption` stands beside it.
    """

    kind: str  # image | video | audio | file
    instead: SlackMessage
    url: str | None = None
    id: str | None = None
    name: str | None = None
    mime_type: str | None = None
    size: int | None = None
    caption: tuple[Block, ...] = ()
    username: str | None = None
    icon_url: str | None = None
    icon_emoji: str | None = None


Shown = SlackMessage | SlackFile


@dataclass(frozen=True)
class ConversationView:
    """What the store knows of a conversation. `details` holds only what its route lets be shown."""

    key: ConversationKey
    vendor: str
    control: Control
    customer: Customer | None
    channel: Channel | None
    start_page: str | None
    details: Mapping[str, Any]
    started_at: datetime | None
    since: datetime | None = None  # when control became what it is
    owner: str | None = None  # the agent who has it
    console: str | None = None  # where people see it at the vendor
    can_choose: bool = False  # whether the vendor lets us say something as the customer
    can: frozenset[Act] = OWN  # the acts that can be done about it, at this vendor and on its route
    out_of_turn: bool = False  # whether the AI agent speaks though a human has the conversation
    #: where the vendor tells a message again with other words: whether they are the newest
    revision: Literal["correction", "earlier"] | None = None
    row: int | None = None  # the store's row of it, for what is pressed
    title: str | None = None  # the vendor's name as people write it

    @property
    def at(self) -> str:
        """The vendor, in a sentence."""
        return self.title or self.vendor

    @property
    def who(self) -> str:
        """The customer, as they are called here."""
        return username(Author(role=Role.CUSTOMER), self.known()) or "Customer"

    def known(self, told: Customer | None = None) -> Customer:
        """What is known of the customer, with what an event has `told` of them."""
        return identified(self.customer, self.key, told)


@dataclass(frozen=True)
class Face:
    """Under whose name a message stands."""

    username: str | None = None
    icon_url: str | None = None
    icon_emoji: str | None = None


_EMOJI = {Role.CUSTOMER: ":bust_in_silhouette:", Role.BOT: ":robot_face:", Role.AGENT: ":headphones:"}


def face(author: Author, customer: Customer | None) -> Face:
    """The author's own name and picture, marked with their role, so that nobody passes for a teammate."""
    if author.role is Role.SYSTEM:
        return Face()
    avatar = author.avatar
    if author.role is Role.CUSTOMER and customer:
        avatar = avatar or customer.avatar
    if avatar and is_web(avatar):
        return Face(username(author, customer), icon_url=avatar)
    return Face(username(author, customer), icon_emoji=_EMOJI[author.role])


def identified(customer: Customer | None, key: ConversationKey, told: Customer | None = None) -> Customer:
    """`customer` with what `told` adds; with the conversation's id where no vendor told theirs."""
    both = [one.model_dump(exclude_none=True) for one in (customer, told) if one is not None]
    return Customer(**{"id": key.id, **{name: value for one in both for name, value in one.items()}})


def short_name(id: str | None) -> str:
    """The name of a customer who gave none: the same for the same id, which it does not give away."""
    if not id:
        return "Customer"
    bits = int.from_bytes(hashlib.sha256(id.encode()).digest()[:4])
    return "Customer " + "".join(_LETTERS[(bits >> shift) & 31] for shift in (0, 5, 10, 15))


def username(author: Author, customer: Customer | None = None) -> str | None:
    """The name shown for `author`; None for the system, which speaks as the app."""
    known = customer.name if customer and author.role is Role.CUSTOMER else None
    name = one_line(author.name or known, limits.USERNAME - len(" (AI agent)"))
    name = name.replace("<", "‹").replace(">", "›")  # nobody says whether Slack parses it
    match author.role:
        case Role.CUSTOMER:
            name = name.translate(_NO_ROLE)
            return f"{name} (customer)" if name else short_name((customer and customer.id) or author.id)
        case Role.BOT:
            return f"{name} (AI agent)" if name else "AI agent"
        case Role.AGENT:
            return f"{name} (agent)" if name else "Agent"
    return None


def ladder(rungs: list[SlackMessage], by: Face, words: str) -> SlackMessage:
    """`rungs` under the author's name, and below them `words` alone, saying in text whose they are.

    The last one gives up name and picture too: Slack may have refused those.
    """
    text = within(escape(words))
    whose = escape(f"{by.username}: ") if by.username else ""
    message = SlackMessage(within(whose + text))
    for rung in reversed(rungs):
        message = replace(
            rung,
            text=text,
            username=by.username,
            icon_url=by.icon_url,
            icon_emoji=by.icon_emoji,
            plainer=message,
        )
    return message


def within(text: str) -> str:
    """Only a name, address or label full of characters to escape makes this cut."""
    return text if len(text) <= limits.TEXT else text[: limits.TEXT - 1] + "…"
