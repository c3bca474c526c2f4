"""Files for a vendor that carries only text: a link to each, which the bridge itself serves for a while."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.bridge.scene import FAILED, SENT, Scene, waiting

pytestmark = pytest.mark.asyncio(loop_scope="module")

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 3000


@pytest.fixture(autouse=True)
def mended(stage: Stage) -> None:
    stage.slack.state.app.scopes.add("files:read")


async def get(url: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.request(method, url)


async def linked(scene: Scene, **files: bytes) -> tuple[Message, list[str]]:
    """A reply with these files, and the links that the customer got."""
    named = [(name.replace("__", "."), content) for name, content in files.items()]
    reply = scene.writes("Here they are", files=named)
    await scene.marked(reply, SENT)
    first, *lines = scene.sent[-1].split("\n")
    assert first == "Here they are"
    assert [line.partition(": ")[0] for line in lines] == [name for name, _ in named]
    return reply, [line.partition(": ")[2] for line in lines]


@pytest.mark.usefixtures("bridge")
async def test_words_and_links_are_one_message_and_lead_to_the_bytes(stage: Stage) -> None:
    scene = await waiting(stage, stage.gptbots)
    _, links = await linked(scene, Prüfbericht__pdf=PDF, page__html=b"<html>mine</html>", x__webp=b"RIFF")
    assert len(scene.sent) == 1
    answers = [await get(link) for link in links]
    assert [one.content for one in answers] == [PDF, b"<html>mine</html>", b"RIFF"]
    assert [one.status_code for one in answers] == [200, 200, 200]
    assert [one.headers["content-type"] for one in answers] == ["application/pdf", "text/html", "image/webp"]
    for answer in answers:
        assert answer.headers["content-disposition"].startswith("attachment; filename*=utf-8''")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["cache-control"] == "private, no-store"
    assert unquote(answers[0].headers["content-disposition"]).endswith("Prüfbericht.pdf")


@pytest.mark.usefixtures("bridge")
async def test_nothing_of_slack_is_in_a_link(stage: Stage) -> None:
    scene = await waiting(stage, stage.gptbots)
    reply, (link,) = await linked(scene, a__pdf=PDF)
    file = next(one for one in stage.slack.state.files.values() if one.shares == [reply])
    assert re.fullmatch(rf"{stage.bridge_url}/files/[\w-]+\.[\w-]+", link)
    assert file.id not in scene.sent[0]
    assert "slack" not in scene.sent[0]


@pytest.mark.usefixtures("bridge")
async def test_the_echo_of_a_link_is_not_shown(stage: Stage) -> None:
    scene = await waiting(stage, stage.gptbots)
    await linked(scene, a__pdf=PDF)
    await stage.gptbots.settled()
    await stage.slack.settled()
    everywhere = [
        text for channel in stage.slack.state.channels.values() for text in _texts(channel.messages)
    ]
    assert not [text for text in everywhere if "/files/" in text]


def _texts(messages: dict[str, Message]) -> list[str]:
    return [message.text for message in messages.values()]


@pytest.mark.usefixtures("bridge")
async def test_to_look_is_not_to_fetch(stage: Stage) -> None:
    scene = await waiting(stage, stage.gptbots)
    _, (link,) = await linked(scene, a__pdf=PDF)
    answer = await get(link, "HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/pdf"


def other(letter: str) -> str:
    return "B" if letter == "A" else "A"


@pytest.mark.usefixtures("bridge")
async def test_a_changed_link_leads_nowhere_and_asks_slack_nothing(stage: Stage) -> None:
    scene = await waiting(stage, stage.gptbots)
    _, (link,) = await linked(scene, a__pdf=PDF)
    base, _, token = link.rpartition("/")
    told, signature = token.split(".")
    later = base64.urlsafe_b64encode(b"F0123 99999999999").decode().rstrip("=")
    asked = stage.slack.calls.count("files.info")
    changed = [
        f"{told}.{other(signature[0])}{signature[1:]}",
        f"{other(told[0])}{told[1:]}.{signature}",
        f"{later}.{signature}",
        f"{told}.",
        f".{signature}",
        told,
        "",
        "...",
        "ä.ö",
        "%00.%00",
        f"{token}.{signature}",
        f"{token}=",
    ]
    for one in changed:
        answer = await get(f"{base}/{one}")
        assert answer.status_code == 404, one
    assert stage.slack.calls.count("files.info") == asked
    for method in ("POST", "PUT", "DELETE"):
        assert (await get(link, method)).status_code == 405


@pytest.mark.usefixtures("bridge")
async def test_a_file_that_slack_has_no_more_is_said_to_be_gone(stage: Stage) -> None:
    scene = await waiting(stage, stage.gptbots)
    reply, (link,) = await linked(scene, a__pdf=PDF)
    file = next(one for one in stage.slack.state.files.values() if one.shares == [reply])
    stage.slack.state.delete_file(file)
    answer = await get(link)
    assert (answer.status_code, answer.text) == (
        404,
        "This file is not there any more. Please ask for it again.\n",
    )
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.usefixtures("bridge")
async def test_while_slack_is_away_the_customer_may_try_again(stage: Stage) -> None:
    scene = await waiting(stage, stage.gptbots)
    _, (link,) = await linked(scene, a__pdf=PDF)
    stage.slack.faults.next("files.info", status=503)
    assert (await get(link)).status_code == 503
    assert (await get(link)).content == PDF


@pytest.mark.usefixtures("bridge")
async def test_the_scope_is_looked_for_before_a_link_goes_out(stage: Stage) -> None:
    scene = await waiting(stage, stage.gptbots)
    stage.slack.state.app.scopes.discard("files:read")
    await scene.marked(scene.writes("Here", files=[("a.pdf", PDF)]), FAILED)
    await scene.tells("A reply was not sent to the customer", "the app lacks files:read")
    assert scene.sent == []


async def test_links_expire_and_need_a_public_address(tmp_path: Path) -> None:
    async with Stage(tmp_path, channel_rate=0) as stage:
        text = stage.config.read_text()
        stage.config.write_text(text.replace("[media]", '[media]\nlink_lifetime = "1ms"'))
        bridge = await stage.serve()
        scene = await waiting(stage, stage.gptbots)
        _, (link,) = await linked(scene, a__pdf=PDF)
        answer = await get(link)
        assert (answer.status_code, answer.text) == (
            410,
            "This link has expired. Please ask for the file again.\n",
        )
        await bridge.terminate()

        stage.config.write_text(re.sub(r"public_url = .*", "", text))
        await stage.serve()
        reply = scene.writes("Here", files=[("a.pdf", PDF)])
        await scene.marked(reply, FAILED)
        await scene.tells("A reply was not sent", "public address", "Files need public_url in [server]")
        assert len(scene.sent) == 1
