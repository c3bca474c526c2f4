"""What can go wrong around the bridge, and what then happens: one row for each fault.

The rows are what `tests/faults` runs over, and what docs/faults.md shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

from tests.faults.row import Alert, End, Log, Mark, Metric, Others, Ready, Row, Thread, Told, Tried

VENDORS = ("Ada", "GPTBots", "Moveo")
BLIND = ("GPTBots", "Moveo")  # they cannot be asked what they have
DATABASES = ("SQLite", "Postgres")

# ── Slack ────────────────────────────────────────────────────────────────────────────────────────

PAGE = "<html><body><h1>Bad gateway</h1></body></html>"
RUNG = Metric("bridge_slack_rungs_total", 'rung="{}"', "1")


def _posts(outcome: str) -> Metric:
    return Metric("bridge_slack_calls_total", 'method="chat.postMessage",outcome="{}"', outcome)


def _slack(
    fault: str,
    tried: Tried,
    log: str | None,
    outcome: str,
    *told: Told,
    ends: End = End.SENT,
    others: Others = Others.ALL,
    given_up: bool = False,
    **cause: Any,
) -> Row:
    said = (*told, *([Log(log)] if log else []), _posts(outcome))
    return Row(("Slack",), fault, tried, said, ends, others, given_up, MappingProxyType(cause))


SLACK = (
    _slack(
        "429 with `Retry-After`",
        Tried.AFTER,
        "chat.postMessage: rate limited",
        "ratelimited",
        others=Others.CHANNELS,
        status=429,
        retry_after=1,
    ),
    _slack(
        "429 without `Retry-After`: a second",
        Tried.AFTER,
        "chat.postMessage: rate limited",
        "ratelimited",
        others=Others.CHANNELS,
        status=429,
    ),
    _slack(
        "`ratelimited` with a 200: a second",
        Tried.AFTER,
        "chat.postMessage: rate limited",
        "ratelimited",
        others=Others.CHANNELS,
        ok_error="ratelimited",
    ),
    _slack("500", Tried.LOOKED, "Slack answers 500", "500", status=500),
    _slack("502 with a page", Tried.LOOKED, "Slack answers 502", "502", status=502, body=PAGE),
    _slack("503", Tried.AGAIN, "Slack answers 503", "503", status=503),
    _slack("`fatal_error`", Tried.LOOKED, "Slack answers fatal_error", "fatal_error", ok_error="fatal_error"),
    _slack(
        "the line is cut, before Slack has it",
        Tried.LOOKED,
        "chat.postMessage: no answer",
        "no_answer",
        drop=True,
    ),
    _slack(
        "the line is cut, after Slack has it",
        Tried.LOOKED,
        "chat.postMessage: no answer",
        "no_answer",
        reset=True,
    ),
    _slack(
        "no answer within `timeout`",
        Tried.LOOKED,
        "no answer from Slack (TimeoutError)",
        "no_answer",
        delay=3.0,
    ),
    _slack(
        "`invalid_blocks`",
        Tried.PLAINER,
        None,
        "invalid_blocks",
        RUNG,
        ok_error="invalid_blocks",
        form="rich",
    ),
    _slack(
        "`msg_too_long`",
        Tried.PLAINER,
        None,
        "msg_too_long",
        RUNG,
        ok_error="msg_too_long",
        form="rich",
    ),
    _slack(
        "`invalid_blocks` in every form",
        Tried.NEVER,
        "Slack refused it: invalid_blocks",
        "invalid_blocks",
        Thread(("could not be shown here", "Slack does not show a message of this form")),
        ends=End.FAILED,
        ok_error="invalid_blocks",
        form="every",
    ),
    _slack(
        "`cannot_reply_to_message`: its first message is gone",
        Tried.ELSEWHERE,
        None,
        "cannot_reply_to_message",
        Thread(("goes on here", "its earlier thread is gone")),
        ok_error="cannot_reply_to_message",
        form="thread",
    ),
    _slack(
        "`not_in_channel`",
        Tried.AGAIN,
        "Slack answers not_in_channel. Invite the app to the channel",
        "not_in_channel",
        Alert(("waits for a human",)),
        others=Others.ALERTS,
        channel="not_in_channel",
    ),
    _slack(
        "`is_archived`",
        Tried.AGAIN,
        "Slack answers is_archived. Unarchive the channel",
        "is_archived",
        Alert(("waits for a human",)),
        others=Others.ALERTS,
        channel="is_archived",
    ),
    _slack(
        "either of them, where the route has a `fallback_channel`",
        Tried.ELSEWHERE,
        None,
        "is_archived",
        Thread(("This conversation is here because its channel is away",)),
        channel="is_archived",
        at="GPTBots",
    ),
    _slack(
        "`invalid_auth`: not our token",
        Tried.AGAIN,
        "Slack answers invalid_auth. Check SLACK_BOT_TOKEN",
        "invalid_auth",
        Ready("slack"),
        others=Others.INGEST,
        token="invalid_auth",
    ),
    _slack(
        "`token_revoked` in the middle, later put back",
        Tried.AGAIN,
        "Slack answers token_revoked. Install the app again",
        "token_revoked",
        Ready("slack"),
        others=Others.INGEST,
        token="token_revoked",
    ),
    _slack(
        "its name does not resolve",
        Tried.AGAIN,
        "could not connect to Slack (ClientConnectorDNSError)",
        "no_connection",
        others=Others.INGEST,
        machine="unknown",
    ),
    _slack(
        "nobody listens at its address",
        Tried.AGAIN,
        "could not connect to Slack (ClientConnectorError)",
        "no_connection",
        others=Others.INGEST,
        machine="nobody",
    ),
    _slack(
        "503 for longer than `give_up_after`",
        Tried.AGAIN,
        "given up after",
        "503",
        Alert(("what is said cannot be shown in the thread yet", "503")),
        Thread(("could not be shown here", "503", "given up after")),
        ends=End.FAILED,
        status=503,
        given_up=True,
    ),
)


# ── vendors ──────────────────────────────────────────────────────────────────────────────────────

WAITED = Mark(("hourglass_flowing_sand", "white_check_mark"))
WAITED_TO_RECORD = Mark(("hourglass_flowing_sand", "ledger"))
ASKED = Mark(("hourglass_flowing_sand", "grey_question"))
REFUSED = Mark(("x",))
LOOK = Thread(("Nobody knows whether this reply arrived", "Look in the vendor's console"))


def _vendor(
    sides: tuple[str, ...],
    fault: str,
    tried: Tried,
    ends: End,
    log: str,
    *told: Told,
    given_up: bool = False,
    **cause: Any,
) -> Row:
    outcome = {End.SENT: "retry", End.FAILED: "failed", End.UNCERTAIN: "uncertain"}[ends]
    counted = Metric("bridge_deliveries_total", 'direction="vendor",kind="reply",outcome="{}"', outcome)
    said = (*told, Log(log), counted)
    others = Others.SLACK if "machine" in cause else Others.ALL
    return Row(sides, fault, tried, said, ends, others, given_up, MappingProxyType(cause))


def _waits(fault: str, log: str, *, tried: Tried = Tried.AGAIN, **cause: Any) -> tuple[Row, ...]:
    """Not taken, for a reason that may pass."""
    return (
        _vendor(("Ada", "GPTBots"), fault, tried, End.SENT, log, WAITED, **cause),
        _vendor(("Moveo",), fault, tried, End.SENT, log, WAITED_TO_RECORD, **cause),
    )


def _doubtful(fault: str, log: str, **cause: Any) -> tuple[Row, ...]:
    """Taken or not: the vendor is asked, and where it cannot be, the agent is."""
    return (
        _vendor(("Ada",), fault, Tried.LOOKED, End.SENT, log, WAITED, **cause),
        _vendor(BLIND, fault, Tried.NEVER, End.UNCERTAIN, log, ASKED, LOOK, **cause),
    )


def _refused(fault: str, *words: str, **cause: Any) -> tuple[Row, ...]:
    """Never to be taken."""
    told = Thread(("A reply was not sent to the customer", *words))
    return (_vendor(VENDORS, fault, Tried.NEVER, End.FAILED, words[0], REFUSED, told, **cause),)


VENDOR = (
    *_waits("429 with `Retry-After`", "rate limited (429)", tried=Tried.AFTER, status=429, retry_after=1),
    *_waits("429 without `Retry-After`", "rate limited (429, without Retry-After)", status=429),
    *_waits("503", "unavailable (503)", status=503),
    *_waits("500 that says why, in the vendor's own form", "Something broke", status=500, says="internal"),
    *_waits("its name does not resolve", "could not connect (ConnectError)", machine="unknown"),
    *_waits("nobody listens at its address", "could not connect (ConnectError)", machine="nobody"),
    *_doubtful("500 that says nothing", "answered 500", status=500),
    *_doubtful("502 with a page", "a gateway answered 502", status=502, html=True),
    *_doubtful("200 with a page, not JSON", "answered 200, but not as documented", status=200, html=True),
    *_doubtful("the line is cut, before the vendor has it", "no answer (RemoteProtocolError)", drop=True),
    *_doubtful("the line is cut, after the vendor has it", "no answer (RemoteProtocolError)", reset=True),
    *_doubtful("no answer within 15 s", "no answer (ReadTimeout)", delay=3.0),
    *_refused("401: the key was revoked", "answered 401", "Check {key}", status=401),
    *_refused("403", "answered 403", "Check {key}", status=403),
    *_refused("404", "answered 404", "The conversation is unknown there, or has ended", status=404),
    *_refused("another 4xx, with the vendor's reason", "Something broke", status=422, says="refusal"),
    *_refused("a redirect, which is not followed", "answered 302, a redirect", "Check base_url", status=302),
    _vendor(
        VENDORS,
        "503 for longer than `give_up_after`",
        Tried.AGAIN,
        End.FAILED,
        "given up after",
        Mark(("hourglass_flowing_sand", "x")),
        Thread(("A reply still waits", "503")),
        Thread(("A reply was not sent to the customer", "503", "given up after")),
        given_up=True,
        status=503,
    ),
    _vendor(
        ("Ada",),
        "the line is cut, and it cannot be asked, for longer than `give_up_after`",
        Tried.LOOKED,
        End.UNCERTAIN,
        "given up after",
        ASKED,
        Thread(("A reply still waits", "no answer")),
        LOOK,
        given_up=True,
        reset=True,
    ),
)


# ── the store ────────────────────────────────────────────────────────────────────────────────────


NOT_KEPT = Log("not kept: Postgres:")


def _store(database: str, fault: str, *told: Told, others: Others = Others.NOTHING) -> Row:
    return Row((database,), fault, Tried.BY_SENDER, told, End.SENT, others)


STORE = (
    _store("Postgres", "it crashes, and is back after a while", NOT_KEPT, Ready("store")),
    _store("Postgres", "it is shut down, and is back after a while", NOT_KEPT, Ready("store")),
    _store("Postgres", "no connection is free", Log("too many connections"), Ready("store")),
    _store("Postgres", "it takes no writes for a while, as in a failover", Log("read-only"), Ready("store")),
    _store("Postgres", "our connections are ended, ten times a second", others=Others.ALL),
    _store("SQLite", "the disk is full", Log("database or disk is full"), Ready("store")),
    _store("SQLite", "the disk takes no writes", Log("disk I/O error"), Ready("store")),
)


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────


def _clock(
    sides: tuple[str, ...], fault: str, tried: Tried, *told: Told, others: Others = Others.ALL, **cause: float
) -> Row:
    return Row(sides, fault, tried, told, End.SENT, others, cause=MappingProxyType(cause))


def _skewed(fault: str, seconds: float) -> tuple[Row, ...]:
    """A reply is looked for by when the vendor had it."""
    lost = Log("no answer (RemoteProtocolError)")
    return (_clock(("Ada",), fault, Tried.LOOKED, WAITED, lost, ada=seconds),)


def _handoffs(fault: str, **cause: float) -> Row:
    """A handoff ends, the customer asks for a human again, and that ends too."""
    fault = f"{fault}, and one handoff follows another"
    return _clock(("Ada",), fault, Tried.NO_NEED, handoffs=1.0, **cause)


TOO_OLD = (
    Log("the signature is too old or too new"),
    Log("Check SLACK_SIGNING_SECRET and this machine's clock"),
    Metric("bridge_webhooks_total", 'result="{}",source="acme-ada"', "not_authentic"),
)

CLOCKS = (
    _clock(DATABASES, "ours is four minutes ahead of everybody's", Tried.NO_NEED, clock=240.0),
    _clock(DATABASES, "ours is four minutes behind", Tried.NO_NEED, clock=-240.0),
    _clock(
        DATABASES,
        "ours is ten minutes ahead",
        Tried.BY_SENDER,
        *TOO_OLD,
        others=Others.NOTHING,
        clock=600.0,
    ),
    _clock(
        DATABASES,
        "ours is ten minutes behind",
        Tried.BY_SENDER,
        *TOO_OLD,
        others=Others.NOTHING,
        clock=-600.0,
    ),
    *_skewed("Ada's is ten minutes behind, and an answer of its is lost", -600.0),
    *_skewed("Ada's is ten minutes ahead, and an answer of its is lost", 600.0),
    _clock(
        ("SQLite",),
        "the store's is set forward by an hour, and back",
        Tried.NO_NEED,
        Log("the store's clock was set forward by"),
        Log("the store's clock was set back by"),
        store=3600.0,
    ),
    _handoffs("Ada's is a minute ahead", theirs=60.0),
    _handoffs("Ada's is half a minute behind", theirs=-30.0),
    _handoffs("ours is two minutes ahead", clock=120.0),
    _handoffs("ours is two minutes behind", clock=-120.0),
    _handoffs("one end is dated an hour ahead", once=3600.0),
    _clock(("Postgres",), "of two workers', one is an hour ahead and one an hour behind", Tried.NO_NEED),
)


def each(rows: tuple[Row, ...]) -> Iterator[tuple[Row, str]]:
    """Every row, once for each of its sides."""
    for row in rows:
        for side in row.sides:
            yield row, side
