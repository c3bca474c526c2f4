"""A Slack that behaves: the workspace `bridge demo` and the tests run against.

It imports nothing of the bridge, on purpose: its limits and its validation are its own, so that an error
in the bridge's shows here.
"""

from bridge.sandbox.slack.events import Answer
from bridge.sandbox.slack.pings import Pings
from bridge.sandbox.slack.sandbox import SlackSandbox
from bridge.sandbox.slack.state import Channel, Message, User, View
from bridge.sandbox.slack.workspace import Workspace

__all__ = ["Answer", "Channel", "Message", "Pings", "SlackSandbox", "User", "View", "Workspace"]
