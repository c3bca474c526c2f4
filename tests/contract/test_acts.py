"""What every adapter is held to where an agent acts: against the sandbox's vendor, and against bad news."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from bridge.adapter import HandsBack, Reopens, Resolves, TakesOver
from bridge.errors import DeliveryError, OutcomeUnknown, Rejected, RetryAfter, RetryLater
from bridge.model import Act, ConversationKey
from bridge.sandbox.vendors.conversation import Conversation
from bridge.sandbox.vendors.vendor import Vendor
from tests.newvendor import world as whimbrel_world
from tests.sandbox import ada_world, gptbots_world, moveo_world
from tests.vendors import EVERY, Answer, Answering, make

PROTOCOLS: dict[Act, type] = {
    Act.TAKE_OVER: TakesOver,
    Act.HAND_BACK: HandsBack,
    Act.RESOLVE: Resolves,
    Act.REOPEN: Reopens,
}
ACTS = [
    (vendor, act)
    for vendor, adapter in EVERY.items()
    for act, protocol in PROTOCOLS.items()
    if issubclass(adapter, protocol)
]
acts = pytest.mark.parametrize(("vendor", "act"), ACTS)

#: who has the conversation at the vendor before and after each
STATES = {
    ("ada", Act.HAND_BACK): ("handoff", "bot"),
    ("ada", Act.RESOLVE): ("handoff", "ended"),
    ("gptbots", Act.HAND_BACK): ("handoff", "bot"),
    ("gptbots", Act.RESOLVE): ("handoff", "bot"),
    ("moveo", Act.TAKE_OVER): ("bot", "handoff"),
    ("moveo", Act.RESOLVE): ("handoff", "ended"),
    ("moveo", Act.REOPEN): ("ended", "bot"),
    ("whimbrel", Act.HAND_BACK): ("handoff", "bot"),
    ("whimbrel", Act.RESOLVE): ("handoff", "ended"),
}


@pytest.mark.parametrize("vendor", EVERY)
def test_each_act_is_done_or_its_absence_is_explained(vendor: str) -> None:
    cannot = EVERY[vendor].capabilities.cannot

    assert cannot.keys() == PROTOCOLS.keys() - {act for name, act in ACTS if name == vendor}
    for reason in cannot.values():
        assert reason.startswith(EVERY[vendor].__name__)
        assert not reason.endswith(".")


# ── at the vendor ────────────────────────────────────────────────────────────────────────────────


@dataclass
class Talk:
    """A conversation at a vendor of the sandbox, and the adapter that acts on it."""

    fake: Vendor[Any]
    conversation: Conversation
    adapter: Any
    key: ConversationKey

    async def do(self, act: Act) -> None:
        try:
            await getattr(self.adapter, act)(self.key)
        finally:
            await self.fake.settled()


@contextlib.asynccontextmanager
async def talk(vendor: str, state: str, *, api_key: str | None = None) -> AsyncIterator[Talk]:
    """A conversation that has come to `state`."""
    async with contextlib.AsyncExitStack() as stack:
        world: Any
        conversation: Any
        if vendor == "ada":
            world = await stack.enter_async_context(ada_world.running_world({}))
            fake, conversation, right = world.ada, await world.handed_over(), "ada-key"
        elif vendor == "gptbots":
            world = await stack.enter_async_context(gptbots_world.running_world({}))
            fake, conversation, right = world.gptbots, await world.says("human"), "app-key"
        elif vendor == "whimbrel":
            world = await stack.enter_async_context(whimbrel_world.running_world())
            fake, conversation, right = world.whimbrel, await world.says("human"), whimbrel_world.KEY
        else:
            world = await stack.enter_async_context(moveo_world.running_world({}))
            said = () if state == "bot" else ("human",)
            fake, conversation, right = world.moveo, await world.says(*said), "moveo-key"
            if state == "ended":
                fake.resolve(conversation)
                await fake.settled()
        assert conversation.state == state
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        settings = {"integration_id": fake.integration_id} if vendor == "moveo" else {}
        adapter = make(
            vendor,
            http=http,
            secrets={"api_key": api_key or right},
            base_url=str(world.http.base_url),
            **settings,
        )
        id = conversation.human_id if vendor == "gptbots" else conversation.id
        yield Talk(fake, conversation, adapter, ConversationKey(source=f"acme-{vendor}", id=id))


@acts
async def test_it_is_done_once_however_often_it_is_asked_for(vendor: str, act: Act) -> None:
    before, after = STATES[vendor, act]
    async with talk(vendor, before) as at:
        told = len(at.fake.deliveries)
        await at.do(act)
        assert at.conversation.state == after
        happened = len(at.fake.deliveries)
        await at.do(act)

        assert at.conversation.state == after
        assert len(at.fake.deliveries) == happened
        says_so = (vendor, act) != ("moveo", Act.TAKE_OVER) and vendor != "gptbots"
        assert (happened > told) == says_so


@acts
async def test_where_its_outcome_was_unknown_it_is_asked_for_again(vendor: str, act: Act) -> None:
    before, after = STATES[vendor, act]
    async with talk(vendor, before) as at:
        at.fake.faults.next("*", reset=True)
        with pytest.raises(OutcomeUnknown):
            await at.do(act)
        assert at.conversation.state == after
        await at.do(act)

        assert at.conversation.state == after


@acts
@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        ({"status": 429, "retry_after": 7}, RetryAfter),
        ({"status": 503}, RetryLater),
        ({"html": True}, OutcomeUnknown),
        ({"drop": True}, OutcomeUnknown),
    ],
    ids=lambda one: "-".join(one) if isinstance(one, dict) else one.__name__,
)
async def test_what_did_not_arrive_is_done_later(
    vendor: str, act: Act, fault: dict[str, Any], meaning: type[DeliveryError]
) -> None:
    before, after = STATES[vendor, act]
    async with talk(vendor, before) as at:
        at.fake.faults.next("*", **fault)
        with pytest.raises(meaning):
            await at.do(act)
        assert at.conversation.state == before
        await at.do(act)

        assert at.conversation.state == after


@acts
async def test_a_refused_key_does_nothing(vendor: str, act: Act) -> None:
    before, _ = STATES[vendor, act]
    async with talk(vendor, before, api_key="of somebody else") as at:
        with pytest.raises(Rejected) as caught:
            await at.do(act)

        assert caught.value.remedy == f"Check ACME_{vendor.upper()}_API_KEY"
        assert "of somebody else" not in str(caught.value)
        assert at.conversation.state == before


# ── bad news ─────────────────────────────────────────────────────────────────────────────────────

#: how each of them says why
WHY = {
    "errors": [{"message": "why"}],
    "message": "why",
    "error_message": "why",
    "error": {"message": "why"},
}


async def refused(vendor: str, act: Act, answer: Answer) -> DeliveryError:
    key = ConversationKey(source=f"acme-{vendor}", id="c1")
    with pytest.raises(DeliveryError) as caught:
        await getattr(make(vendor, http=Answering(answer)), act)(key)
    assert "the-key" not in str(caught.value)
    return caught.value


@acts
@pytest.mark.parametrize(
    ("status", "meaning"), [(400, Rejected), (401, Rejected), (404, Rejected), (500, RetryLater)]
)
async def test_an_answer_with_a_reason(
    vendor: str, act: Act, status: int, meaning: type[DeliveryError]
) -> None:
    error = await refused(vendor, act, httpx.Response(status, json=WHY))

    assert (type(error), error.problem) == (meaning, f"answered {status}: why")


@acts
@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (200, OutcomeUnknown),
        (302, Rejected),
        (401, Rejected),
        (403, Rejected),
        (404, Rejected),
        (429, RetryLater),
        (500, OutcomeUnknown),
        (502, OutcomeUnknown),
        (503, RetryLater),
        (504, OutcomeUnknown),
    ],
)
async def test_an_answer_without_one(
    vendor: str, act: Act, status: int, meaning: type[DeliveryError]
) -> None:
    error = await refused(vendor, act, httpx.Response(status, text="<html>"))

    assert type(error) is meaning


@acts
@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        (httpx.ConnectError, RetryLater),
        (httpx.ConnectTimeout, RetryLater),
        (httpx.ReadTimeout, OutcomeUnknown),
        (httpx.RemoteProtocolError, OutcomeUnknown),
    ],
)
async def test_no_answer(
    vendor: str, act: Act, fault: type[httpx.TransportError], meaning: type[DeliveryError]
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise fault("gone", request=request)

    assert type(await refused(vendor, act, fail)) is meaning
