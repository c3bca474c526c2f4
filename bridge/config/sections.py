"""How the bridge itself runs: where it listens, keeps things, and how it carries them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from bridge.config.values import Duration, Filled, Host, Keep, Size, WebAddress


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Server(Section):
    """Where the bridge listens. `PORT` from the environment wins over `port`. `public_url` is where others
    reach it."""

    host: str = "0.0.0.0"  # noqa: S104 - a platform's router must reach it
    port: int = Field(8000, ge=0, le=65535, strict=True)
    public_url: WebAddress | None = None
    max_body: Size = 1024**2
    drain: Duration = 20.0


class Store(Section):
    """Where everything is kept, and for how long. `DATABASE_URL` from the environment wins over `path`."""

    path: Path = Path("var/bridge.sqlite3")
    pool: int = Field(4, ge=1, le=50, strict=True)
    keep: Keep = 90 * 86400.0


class Slack(Section):
    """The workspace. Tokens come from the environment."""

    api_url: WebAddress = "https://slack.com/api/"
    channel_rate: float = Field(1.0, ge=0, le=100, strict=True)
    channel_burst: int = Field(3, ge=1, le=100, strict=True)
    workspace_rate: float = Field(300.0, gt=0, le=10_000, strict=True)
    timeout: Duration = 15.0


class Media(Section):
    """Files at addresses that vendors name, and those of agents. Only `allow_hosts` may be in a private
    network."""

    max_size: Size = 20 * 1024**2
    timeout: Duration = Field(20.0, gt=0)
    allow_hosts: tuple[Host, ...] = ()
    link_lifetime: Duration = Field(7 * 86400.0, gt=0)


class Retry(Section):
    """`delays` between attempts, the last one repeated, until `give_up_after` from the first attempt."""

    delays: Annotated[tuple[Duration, ...], Filled] = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
    give_up_after: Duration = 6 * 3600.0


class Engine(Section):
    """The lanes. `lease` is how long a worker that is cut off keeps a lane to itself."""

    concurrency: int = Field(50, ge=1, le=500, strict=True)
    lease: Duration = Field(15.0, ge=1)
    poll: Duration = Field(5.0, gt=0)
    to_slack: Retry = Retry()
    to_vendor: Retry = Retry(give_up_after=900.0)
