"""How the bridge itself runs: where it listens, keeps things, and how it carries them.

The text below a key is its description, in docs/configuration.md and in config.example.toml.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from bridge.config.values import Duration, FilePath, Filled, Host, Keep, Size, WebAddress


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Server(Section):
    """Where the bridge listens. `PORT` from the environment wins over `port`."""

    host: str = "0.0.0.0"  # noqa: S104 - a platform's router must reach it
    """The address to listen on. "127.0.0.1" keeps it to this machine."""

    port: int = Field(8000, ge=0, le=65535, strict=True)
    """0 to 65535; 0 takes a free one."""

    public_url: WebAddress | None = None
    """Where others reach the bridge, without a slash at the end. Needed for files that agents send to
    customers of GPTBots: they go out as links. Default: none."""

    max_body: Size = 1024**2
    """The largest body of a webhook or of a call from Slack; above it, the answer is 413."""

    drain: Duration = 20.0
    """How long deliveries under way may take to end after SIGTERM. Heroku kills after 30 s."""


class Store(Section):
    """Where everything is kept, and for how long. `DATABASE_URL` from the environment wins over `path`."""

    path: FilePath = Path("var/bridge.sqlite3")
    """The SQLite file, from the folder the bridge is started in. One process serves it; several need
    Postgres."""

    pool: int = Field(3, ge=1, le=50, strict=True)
    """1 to 50 connections of each process to Postgres, and one more that listens. Small plans give 20 in
    all."""

    keep: Keep = 90 * 86400.0
    """At least "7d": for how long what is over is kept, customers' words too. 0 keeps everything for ever."""


class Slack(Section):
    """A workspace, and how fast Slack is called there; each `[workspaces.<name>]` has the same keys. Tokens
    come from the environment."""

    api_url: WebAddress = "https://slack.com/api/"
    """Where Slack's Web API is: a gateway, a sandbox, or GovSlack."""

    channel_rate: float = Field(1.0, ge=0, le=100, strict=True)
    """0 to 100 messages a second into one channel; 0 does not pace. Slack allows about 1."""

    channel_burst: int = Field(3, ge=1, le=100, strict=True)
    """1 to 100 messages that may follow one another before that pace holds."""

    workspace_rate: float = Field(300.0, gt=0, le=10_000, strict=True)
    """More than 0, to 10,000 messages a minute into all channels together. Slack allows several hundred."""

    timeout: Duration = Field(15.0, gt=0)
    """More than 0: how long one call to Slack may take before its outcome counts as unknown."""


class Media(Section):
    """Files, both ways. Images, videos, audio and files are fetched from the vendor's addresses and uploaded
    to Slack."""

    max_size: Size = 20 * 1024**2
    """What is larger stays a link. An agent's file that is larger is not sent."""

    timeout: Duration = Field(20.0, gt=0)
    """More than 0: how long fetching one of them may take. After it, it stays a link; an agent's is tried
    again."""

    allow_hosts: tuple[Host, ...] = ()
    """Hosts that may be in a private network, as "host" or "host:port". All others have to be on the public
    internet."""

    link_lifetime: Duration = Field(7 * 86400.0, gt=0)
    """More than 0: how long a link to an agent's file leads to it, from when the agent wrote. It is signed
    with a key that is made of SLACK_SIGNING_SECRET."""


class Retry(Section):
    """What the other side did not take: it is tried again, and its conversation waits meanwhile."""

    delays: Annotated[tuple[Duration, ...], Filled] = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
    """The pauses between attempts, the last one repeated."""

    give_up_after: Duration = 6 * 3600.0
    """When it counts as failed, from the first attempt on. Then the conversation goes on. Towards a vendor:
    "15m"."""


class Engine(Section):
    """The lanes, in which deliveries are carried."""

    concurrency: int = Field(50, ge=1, le=500, strict=True)
    """1 to 500 conversations that one process carries forward at the same time."""

    lease: Duration = Field(15.0, ge=1)
    """At least "1s": how long the conversations of a process that was cut off wait until another takes
    them."""

    poll: Duration = Field(5.0, gt=0)
    """More than 0: how often to look for work that nobody announced. A safety net."""

    to_slack: Retry = Retry()
    """Messages that Slack did not take."""

    to_vendor: Retry = Retry(give_up_after=900.0)
    """Replies that a vendor did not take. The agent is told when the bridge gives up."""
