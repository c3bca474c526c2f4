"""There and back: what a customer wrote, shown in Slack and sent on by an agent, says what it said."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bridge.compose import Names, ReplyDraft, compose
from bridge.model import Author, Control, ConversationKey, Message, Role, Text
from bridge.render import ConversationView, SlackMessage, render

KEY = ConversationKey(source="acme-ada", id="c")
VIEW = ConversationView(
    key=KEY,
    vendor="ada",
    control=Control.HUMAN,
    customer=None,
    channel=None,
    start_page=None,
    details={},
    started_at=None,
)
WORD = st.text(alphabet="abcxyzäöüßñ0123456789&<>*_~'\"!?.,:;()", min_size=1, max_size=12)
LINE = st.lists(WORD, min_size=1, max_size=8).map(" ".join)
MARKDOWN = st.sampled_from(["{}", "- {}", "1. {}", "> {}", "**{}**", "_{}_", "`{}`", "# {}"])
PLAIN = st.text(alphabet="abcxyzäöü0123456789", min_size=1, max_size=12)


def there_and_back(role: Role, said: str) -> str:
    """`said` as Slack shows it, and then as a customer would get it from somebody who copied it."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    author = Author(role=role, name="Ada")
    event = Message(id="m", conversation=KEY, at=at, author=author, parts=(Text(text=said),))
    arrived = []
    for message in render(event, VIEW):
        assert isinstance(message, SlackMessage)
        draft = compose(
            {"blocks": list(message.blocks), "text": ""}, Names(), as_is=True, note_prefix="\u2603 never"
        )
        assert isinstance(draft, ReplyDraft)
        arrived += [part.text for part in draft.parts if isinstance(part, Text)]
    return "\n".join(arrived)


@given(st.lists(LINE, min_size=1, max_size=5).map("\n".join))
def test_a_customers_words_come_back_to_the_letter(said: str) -> None:
    assert there_and_back(Role.CUSTOMER, said).split() == said.split()


@given(st.lists(st.tuples(MARKDOWN, st.lists(PLAIN, min_size=1, max_size=6)), min_size=1, max_size=6))
def test_every_word_of_markdown_comes_back_in_order(
    paragraphs: list[tuple[str, list[str]]],
) -> None:
    said = "\n\n".join(mark.format(" ".join(words)) for mark, words in paragraphs)
    wanted = [word for _, words in paragraphs for word in words]
    back = re.sub(r"(?m)^\s*(?:\d+\.|•|>)\s", "", there_and_back(Role.BOT, said))
    assert re.findall(r"[^\W_]+", back) == wanted
