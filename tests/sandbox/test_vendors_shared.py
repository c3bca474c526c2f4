"""What the sandbox's vendors have in common: the scripted AI agent, turns, the live feed, faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bridge.sandbox.vendors import AdaSandbox, brain
from bridge.sandbox.vendors.turns import Turns
from tests.sandbox.receiver import running, until


@pytest.mark.parametrize(
    ("said", "hands_over", "cards", "audio", "words"),
    [
        ("Hello!", False, 0, False, "How can I help"),
        ("Where's my ORDER?", False, 0, False, "Parcel 1042"),
        ("parcel 42?", False, 0, False, "Parcel 42"),
        ("Show me something", False, 3, False, "favourites"),
        ("which products do you have", False, 3, False, "favourites"),
        ("send a voice message", False, 0, True, "open from nine"),
        ("a human please", True, 0, False, "a person for you"),
        ("Can an agent look at my order?", True, 0, False, "a person for you"),
        ("person", True, 0, False, "a person for you"),
        ("I work at an agency for orderly reproductions", False, 0, False, "small script"),
        ("", False, 0, False, "small script"),
    ],
)
def test_the_script(said: str, hands_over: bool, cards: int, audio: bool, words: str) -> None:
    answer = brain.answer(said)
    assert (answer.hands_over, len(answer.cards), answer.audio is not None) == (hands_over, cards, audio)
    assert words in answer.text


def test_what_is_offered_is_understood() -> None:
    no_idea = brain.answer("")
    answers = [no_idea, *map(brain.answer, ("hello", "order", "products"))]
    offered = {option.text for answer in answers for option in answer.options}
    assert len(offered) == 7
    assert [text for text in offered if brain.answer(text) == no_idea] == []
    assert brain.answer("Tell me about the Trail Lamp").text.startswith("The Trail Lamp: $29.99")


async def test_turns_keep_order_within_a_key_only(caplog: pytest.LogCaptureFixture) -> None:
    turns, done, gate = Turns(), [], asyncio.Event()

    async def wait() -> None:
        await gate.wait()
        done.append("a1")
        raise RuntimeError("a fault in one job")

    async def note(what: str) -> None:
        done.append(what)

    turns.put("a", wait)
    turns.put("a", lambda: note("a2"))
    turns.put("b", lambda: note("b1"))
    await until(lambda: done)
    assert done == ["b1"]
    gate.set()
    await turns.settled()
    assert done == ["b1", "a1", "a2"]  # the fault did not end the line
    assert "a fault in one job" in caplog.text
    assert not turns.busy

    gate.clear()
    turns.put("a", wait)
    turns.put("a", lambda: note("a3"))
    await asyncio.sleep(0)
    await turns.stop()
    gate.set()
    await asyncio.sleep(0)
    assert done == ["b1", "a1", "a2"]
    assert not turns.busy
    turns.put("a", lambda: note("a4"))
    await turns.settled()
    assert done[-1] == "a4"


# ── faults and the feed, on Ada's API ────────────────────────────────────────────────────────────


class World:
    def __init__(self, ada: AdaSandbox, http: httpx.AsyncClient) -> None:
        self.ada, self.http = ada, http
        self.conversation = ada.open("Ada Lovelace")

    async def send(self, text: str, **how: Any) -> httpx.Response:
        body = {
            "author": {"role": "human_agent", "display_name": "Mina"},
            "content": {"type": "text", "body": text},
        }
        path = f"/api/v2/conversations/{self.conversation.id}/messages/"
        return await self.http.post(path, json=body, **how)

    @property
    def arrived(self) -> list[str]:
        return [message.text for message in self.conversation.messages if message.role == "agent"]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    def build(bridge_url: str) -> AdaSandbox:
        return AdaSandbox(
            api_key="k", webhook_secret="whsec_YnJpZGdl", handoff_token="t", webhook_url=f"{bridge_url}/e"
        )

    async with (
        running(build) as (ada, _, url),
        httpx.AsyncClient(base_url=url, headers={"authorization": "Bearer k"}) as http,
    ):
        yield World(ada, http)


async def test_a_planned_status(world: World) -> None:
    world.ada.faults.next("*/messages/", method="POST", status=429, retry_after=2, times=2)
    world.ada.faults.next("*/messages/", status=200, body={"code": 1})
    answers = [await world.send(str(number)) for number in range(4)]
    assert [answer.status_code for answer in answers] == [429, 429, 200, 201]
    assert [answer.headers.get("retry-after") for answer in answers] == ["2", "2", None, None]
    assert answers[2].json() == {"code": 1}
    assert world.arrived == ["3"]
    assert world.ada.faults.planned == []


async def test_a_fault_meets_its_path_and_method_only(world: World) -> None:
    world.ada.faults.next("*/end/", status=500)
    world.ada.faults.next("*/messages/", method="GET", status=500)
    assert (await world.send("a")).status_code == 201
    path = f"/api/v2/conversations/{world.conversation.id}/"
    assert (await world.http.get(f"{path}messages/")).status_code == 500
    assert (await world.http.post(f"{path}end/")).status_code == 500
    world.ada.faults.next("*", status=500)
    world.ada.faults.clear()
    assert (await world.send("b")).status_code == 201


async def test_a_gateways_page(world: World) -> None:
    world.ada.faults.next("*/messages/", html=True)
    world.ada.faults.next("*/messages/", html=True, status=504, accepted=True)
    lost, accepted = await world.send("lost"), await world.send("accepted")
    assert (lost.status_code, accepted.status_code) == (502, 504)
    assert lost.headers["content-type"].startswith("text/html")
    with pytest.raises(json.JSONDecodeError):
        lost.json()
    assert world.arrived == ["accepted"]


async def test_the_line_goes_dead(world: World) -> None:
    world.ada.faults.next("*/messages/", reset=True)
    world.ada.faults.next("*/messages/", drop=True)
    for text in ("booked", "dropped"):
        with pytest.raises(httpx.RemoteProtocolError):
            await world.send(text)
    assert (await world.send("then")).status_code == 201
    assert world.arrived == ["booked", "then"]


async def test_a_late_answer(world: World) -> None:
    world.ada.faults.next("*/messages/", delay=0.2)
    with pytest.raises(httpx.ReadTimeout):
        await world.send("late", timeout=httpx.Timeout(5.0, read=0.05))
    await until(lambda: world.arrived == ["late"])
    world.ada.faults.next("*/messages/", delay=0.01)
    assert (await world.send("later")).status_code == 201


async def test_the_feed_tells_what_happens(world: World) -> None:
    await world.ada.settled()
    first, second = world.ada.subscribe(), world.ada.subscribe()
    world.ada.say(world.conversation.id, "hello")
    world.ada.end(world.conversation.id)
    await world.ada.settled()
    await world.ada.stop()
    told = [happening async for happening in first]
    assert [happening async for happening in second] == told
    assert {(one["vendor"], one["conversation_id"]) for one in told} == {("ada", world.conversation.id)}
    said = [one["message"]["text"] for one in told if one["type"] == "message"]
    assert said == ["hello", brain.GREETING.text]
    assert [one["state"] for one in told if one["type"] == "state"] == ["ended"]
    assert {one["state"] for one in told if one["type"] == "delivery"} == {"delivered"}
    json.dumps(told)
    await world.ada.start()  # for the fixture's own stop


async def test_a_receiver_that_is_not_there_is_a_failure() -> None:
    ada = AdaSandbox(
        api_key="k",
        webhook_secret="whsec_YnJpZGdl",
        handoff_token="t",
        webhook_url="http://127.0.0.1:1/nobody",
        retry_delays=(0,),
    )
    await ada.start()
    ada.open("Ada Lovelace")
    await ada.settled()
    assert [attempt.error for attempt in ada.failed_deliveries[0].attempts] == ["ClientConnectorError"] * 2
    assert len(ada.failed_deliveries) == 2
    await ada.stop()


async def test_secrets_stay_out_of_representations() -> None:
    async with running(
        lambda url: AdaSandbox(
            api_key="very-secret",
            webhook_secret="whsec_YnJpZGdl",
            handoff_token="very-secret",
            webhook_url=f"{url}/e",
        )
    ) as (ada, _, _):
        ada.open("Ada Lovelace")
        await ada.settled()
        assert "secret" not in repr(ada) + repr(ada.deliveries)
        assert "Ada Lovelace" not in repr(ada.deliveries)
