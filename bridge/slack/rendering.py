"""Rendering of what others wrote: beside the event loop where it can take long. A failure loses nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from bridge import metrics
from bridge.logs import fault
from bridge.model import AnyEvent
from bridge.render import ConversationView, Shown, SlackMessage, as_written, render, transcript

#: characters of stored events; more than that is rendered in a thread
LONG = 4000

T = TypeVar("T")
logger = logging.getLogger(__name__)


async def rendered(event: AnyEvent, view: ConversationView, length: int) -> tuple[Shown, ...]:
    """What shows `event`, which is `length` characters long; its plain words where rendering fails."""
    try:
        return await _run(length, lambda: render(event, view))
    except Exception as error:
        fault(logger, "an event could not be rendered; its plain words are shown", error)
        metrics.render_failures.inc()
        return as_written(event, view)


async def transcribed(
    events: Sequence[AnyEvent], view: ConversationView, length: int, *, left_out: int
) -> tuple[SlackMessage, ...]:
    """What was said before, folded; each event in plain words where that fails."""
    try:
        return await _run(length, lambda: transcript(events, view, left_out=left_out))
    except Exception as error:
        fault(logger, "a transcript could not be rendered; its plain words are shown", error)
        metrics.render_failures.inc()
        return tuple(message for event in events for message in as_written(event, view))


async def _run(length: int, work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work) if length > LONG else work()
