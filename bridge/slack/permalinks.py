"""Where a message is found in Slack, asked once for each."""

from __future__ import annotations

from bridge.errors import BridgeError
from bridge.slack.answers import text_at
from bridge.slack.api import SlackApi

MOST = 5000  # entries, so that memory stays bounded


class Permalinks:
    def __init__(self, api: SlackApi) -> None:
        self._api = api
        self._known: dict[tuple[str, str], str] = {}

    async def of(self, channel: str, ts: str) -> str | None:
        """The address of a message, or None where Slack does not tell it now.

        https://docs.slack.dev/reference/methods/chat.getPermalink
        """
        if (known := self._known.get((channel, ts))) is not None:
            return known
        try:
            told = await self._api.call(
                "chat.getPermalink", {"channel": channel, "message_ts": ts}, read=True
            )
            link = text_at(told, "chat.getPermalink", "permalink")
        except BridgeError:  # counted by the call; the link can do without
            return None
        while len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        self._known[channel, ts] = link
        return self._known[channel, ts]
