"""A Slack on loopback: its Web API, its events, and the people in its workspace."""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from bridge.sandbox.feed import Feed, Subscription
from bridge.sandbox.slack import views
from bridge.sandbox.slack.app import WebApi
from bridge.sandbox.slack.arguments import ApiError
from bridge.sandbox.slack.blocks import finish
from bridge.sandbox.slack.events import Answer, Events, HttpLine, Line
from bridge.sandbox.slack.faults import Faults
from bridge.sandbox.slack.files import Files
from bridge.sandbox.slack.filled import Value
from bridge.sandbox.slack.furnished import furnish
from bridge.sandbox.slack.interactions import Interactions
from bridge.sandbox.slack.pace import Pace
from bridge.sandbox.slack.socket import Sockets
from bridge.sandbox.slack.state import Json, Message, View
from bridge.sandbox.slack.typed import typed
from bridge.sandbox.slack.workspace import Workspace


class SlackSandbox:
    """Mount `app` at /slack: the Web API is then at /slack/api/{method}.

    Events go to the app's open socket if it has one, else to `events_url`, which may be set later.
    `base_url` is where `app` is mounted; without it, it is learned from the first call of the Web API.
    Real Slack retries events after about 0, 60 and 300 s; here those delays are scaled down. A file that
    the app uploads stands in its channel `share_delay` seconds later.
    """

    def __init__(
        self,
        *,
        bot_token: str,
        signing_secret: str,
        app_token: str | None = None,
        events_url: str | None = None,
        base_url: str | None = None,
        channel_rate: float = 1.0,
        channel_burst: int = 4,
        retry_delays: Sequence[float] = (0.05, 1.0, 5.0),
        share_delay: float = 0.1,
        clock: Callable[[], float] = time.time,
        team_id: str = "T0SANDBOX",
    ) -> None:
        self.events_url = events_url
        self.faults = Faults()
        self._feed = Feed()
        self.events = Events(lambda: self.state, lambda: self._line, retry_delays)
        self.state = Workspace(
            clock=clock,
            pace=Pace(channel_rate, channel_burst, clock),
            emit=self.events.send,
            changed=self._feed.publish,
            team_id=team_id,
        )
        furnish(self.state)
        self.state.base_url = base_url
        self._http = HttpLine(signing_secret, lambda: self.events_url, clock)
        self.sockets = Sockets(self.state.app.id)
        self._interactions = Interactions(self.state, base_url)
        self.files = Files(self.state, share_delay)
        self._api = WebApi(
            self.state,
            bot_token=bot_token,
            app_token=app_token,
            faults=self.faults,
            files=self.files,
            interactions=self._interactions,
            sockets=self.sockets,
        )
        self.app = self._api.app
        self.calls = self._api.calls

    @property
    def _line(self) -> Line:
        return self.sockets if len(self.sockets) else self._http

    async def start(self) -> None:
        self._http.start()

    async def stop(self) -> None:
        """Give up what is under way, close the sockets, end every subscription."""
        self.files.stop()
        await self.events.stop()
        await self.sockets.disconnect()
        await self._http.stop()
        self._feed.close()

    async def settled(self) -> None:
        """Wait until every event so far was taken by the app or given up."""
        await self.events.settled()

    async def verify_url(self) -> bool:
        """What Slack does when the events URL is entered: whether the app echoes the challenge."""
        challenge = uuid.uuid4().hex
        envelope = {"token": "sandbox-verification-token", "type": "url_verification", "challenge": challenge}
        answer = await self._http.event(envelope, 0, None)
        return answer.ok and challenge in answer.text

    def subscribe(self) -> Subscription:
        """Every change from now on, as small JSON-able dicts."""
        return self._feed.subscribe()

    def send_event(self, event: Json) -> None:
        """An event that no act here makes: channel_archive, tokens_revoked …"""
        ts = self.state.next_ts()
        self.events.send({"event_ts": ts, **event}, ts)

    # ── what the people do ────────────────────────────────────────────────────────────────────────

    def post_as(
        self,
        user_id: str,
        channel: str,
        text: str,
        *,
        thread_ts: str | None = None,
        broadcast: bool = False,
        blocks: list[Json] | None = None,
        attachments: Sequence[Json] = (),
        files: Sequence[tuple[str, bytes]] = (),
        subtype: str | None = None,
    ) -> Message:
        """`text` as it is typed, `files` as names and bytes; a bot among the users posts a `bot_message`.

        `attachments` are what Slack puts beside the words: a pasted table, a forwarded message.
        """
        user = self.state.users[user_id]
        escaped, made = typed(text)
        message = Message(
            channel=self.state.channel(channel).id,
            ts=self.state.next_ts(),
            text=escaped,
            user=user_id,
            blocks=finish(copy.deepcopy(blocks) if blocks is not None else made),
            attachments=copy.deepcopy(list(attachments)),
            subtype=subtype or ("file_share" if files else None),
            client_msg_id=str(uuid.uuid4()),
        )
        if thread_ts is not None:
            message.thread_ts = self.state.channels[message.channel].messages[thread_ts].root_ts
        if broadcast and message.is_reply:
            message.broadcast, message.subtype = True, "thread_broadcast"
        if user.is_bot:
            message.user, message.client_msg_id = None, None
            message.bot_id, message.username = user.bot_id, user.display_name or user.real_name
            message.subtype = subtype or "bot_message"
        return self.files.post(message, user_id, list(files)) if files else self.state.post(message)

    def edit_as(self, user_id: str, channel: str, ts: str, text: str) -> Message:
        message = self._own(user_id, channel, ts)
        escaped, made = typed(text)
        self.state.replace(message, edited_by=user_id, text=escaped, blocks=finish(made))
        return message

    def delete_as(self, user_id: str, channel: str, ts: str) -> None:
        """Anybody may delete what is theirs; an admin could delete more, and so can a test by `state`."""
        self.state.delete(self._own(user_id, channel, ts))

    def react_as(self, user_id: str, channel: str, ts: str, name: str, *, added: bool = True) -> Message:
        """Nothing happens where the reaction is there, or gone, already."""
        message = self.state.channel(channel).messages[ts]
        if (user_id in message.reactions.get(name, ())) != added:
            self.state.react(message, user_id, name, added=added)
        return message

    def unfurl(self, channel: str, ts: str, url: str) -> Message:
        """What Slack does by itself with a link: the message changes, and nobody edited it."""
        message = self.state.channel(channel).messages[ts]
        preview = {"id": 1, "from_url": url, "original_url": url, "fallback": url, "title": url}
        self.state.replace(message, attachments=[*message.attachments, preview])
        return message

    async def press(
        self, user_id: str, where: Message | View, action_id: str, value: str | None = None
    ) -> Answer:
        """Press a button, or choose `value` in a menu, of a message or a view.

        Several may press at the same time. Of buttons with the same `action_id`, `value` says which one.
        """
        return await self._line.interaction(self._interactions.press(user_id, where, action_id, value))

    async def shortcut(self, user_id: str, message: Message, callback_id: str) -> Answer:
        """Choose one of the app's shortcuts in the menu of a message; `state.app.shortcuts` has them."""
        return await self._line.interaction(self._interactions.shortcut(user_id, message, callback_id))

    def modal_of(self, user_id: str) -> View | None:
        """The modal that somebody has before them."""
        return self.state.view_of(user_id, "modal")

    async def submit(
        self, user_id: str, view: View, values: Mapping[str, Value] = MappingProxyType({})
    ) -> Answer:
        """Send a modal with `values` by action id, and the rest as it is at first.

        The app's answer decides what becomes of the modal. One that Slack cannot follow is not `ok`.
        """
        answer = await self._line.interaction(self._interactions.submit(user_id, view, values))
        if answer.ok:
            try:
                views.answered(self.state, view, answer.json())
            except (ApiError, ValueError) as error:
                return replace(answer, reason=f"trouble connecting: {error}")
        return answer

    async def close(self, user_id: str, view: View) -> Answer | None:
        """Close a modal without sending it; the app's answer, if it wants to know of it."""
        closed = self._interactions.close(user_id, view)
        self.state.close_view(view)
        return await self._line.interaction(closed) if view.body.get("notify_on_close") else None

    def open_home(self, user_id: str, *, tab: str = "home") -> None:
        """Go to the app's own place, to one of its tabs: "home" or "messages"."""
        self.state.open_home(user_id, tab)

    def home_of(self, user_id: str) -> View | None:
        """What the app's Home shows; None before the app has published anything for this person."""
        return self.state.view_of(user_id, "home")

    def _own(self, user_id: str, channel: str, ts: str) -> Message:
        message = self.state.channel(channel).messages[ts]
        if message.user != user_id:
            raise PermissionError(f"the message at {ts} is not {user_id}'s")
        return message
