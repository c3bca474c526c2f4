"""Addresses that lead into a Slack workspace never go out, however they are written; public pages do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.compose import Names, ReplyDraft, compose
from bridge.compose.addresses import private

PRIVATE = [
    "https://slack.com/archives/C0LEADS/p1700000000000100",
    "https://slack.com/app_redirect?channel=C0LEADS&team=T0SANDBOX",
    "https://slack.com/app_redirect?channel=C0FIN",
    "https://slack.com/shortcuts/Ft0AB12CD34/0c1d2e3f",
    "https://slack.com/client/T0SANDBOX/C0LEADS",
    "https://join.slack.com/t/acme/shared_invite/zt-1a2b3c-Xy",
    "https://acme.slack.com/join/shared_invite/zt-1a2b3c-Xy",
    "https://acme.slack.com/workflows/Wf01",
    "https://acme.slack.com/?redir=%2Farchives%2FC0LEADS",
    "https://acme.slack.com/admin/invites",
    "https://acme.slack.com/archives/C0LEADS/p1700000000000100",
    "https://app.slack.com/client/T0SANDBOX/C0LEADS",
    "https://acme.slack.com",
    "https://acme.slack.com/",
    "https://my.slack.com/anything",
    "https://slack.com/workflows/Wf01",
    "https://slack.com/join/shared_invite/zt-1",
    "https://slack.com/signin?redir=/archives/C1",
    "https://slack.com/what-comes-next/C0LEADS12",
    "https://www.slack.com/archives/C1",
    "https://slack.com//archives/C1",
    "https://slack.com/intl/de-de/../../archives/C1",
    "https://slack.com/intl/de-de/archives/C1",
    "https://slack.com\\archives\\C1",
    "HTTPS://SLACK.COM/ARCHIVES/C1",
    "https://slack.com./archives/C1",
    "https://slack.com:443/archives/C1",
    "https://mina:secret@slack.com/archives/C1",
    "https://slack.com/%61rchives/C1",
    "https://acme%2Eslack.com/archives/C1",
    "https://acme。slack。com/archives/C1",
    "https://acme.sla\u200bck.com/archives/C1",
    "https://slack-gov.com/archives/C1",
    "https://acme.slack-gov.com/archives/C1",
    "https://acme.enterprise.slack.com/archives/C1",
    "https://files.slack.com/files-pri/T1-F1/a.png",
    "https://slack-files.com/T1-F1-abc",
    "https://hooks.slack.com/services/T1/B1/x",
    "https://hooks.slack.com/triggers/T1/2/x",
    "slack://channel?team=T1&id=C1",
    "acme.slack.com/archives/C1",
    "mailto:billing-aaaa@acme.slack.com",
    "https://join.slack.com/share/enQtOTk4-1a2b3c",
    "https://slack.com/share/I011QU6NN9J/3jAl/zt-dih8",
    "https://slack.com/t/acme/shared_invite/zt-1",
    "https://slack.com/z-app-1234-5678-0a1b",
    "https://slack.com/app-redir/login/z-app-1",
    "https://slack.com/checkcookie?redir=https%3A%2F%2Facme.slack.com%2Fssb%2Fredirect",
    "https://slack.com/verify-yourself/T6xH",
    "https://slack.com/intl/es/archives/C1",
    "https://urldefense.proofpoint.com/v2/url?u=https-3A__acme.slack.com_archives_C1_p1&d=DwMF",
    "https://urldefense.com/v3/__https://acme.slack.com/archives/C1/p1__;!!ab",
    "https://acme.slack&#46;com/archives/C1",
    "https://r.example/?u=https%25252525253A%25252525252F%25252525252Facme%25252525252Eslack.com",
    "https://slack.com/marketplace/A0F7XDUAZ?team=T0SANDBOX",
    "https://slack-redir.net/link?url=https%3A%2F%2Facme.slack.com%2Farchives%2FC1",
    "https://r.example/?to=https%253A%252F%252Facme.slack.com%252Farchives%252FC1",
    "https://r.example/?to=https://slack.com/archives/C1",
]
PUBLIC = [
    "https://slack.com",
    "https://slack.com/",
    "https://slack.com/help/articles/360001537467-Guide",
    "https://slack.com/pricing",
    "https://slack.com/intl/de-de/help",
    "https://slack.com/help/articles/archives",
    "https://slack.com/marketplace/A0F7XDUAZ-incoming-webhooks",
    "https://slack.com/intl/de-de/marketplace/A0F7XDUAZ",
    "https://slack.com/apps/A0F7YS25R-bots",
    "https://urldefense.proofpoint.com/v2/url?u=https-3A__shop.example_archives&d=DwMF",
    "https://www.slack.com/pricing?utm=archives",
    "https://api.slack.com/docs-and-more",
    "https://docs.slack.dev/reference/methods/chat.postMessage",
    "https://status.slack.com/2026-05",
    "https://notslack.com/archives/C1",
    "https://slack.com.example/archives/C1",
    "https://acme.slack.com@shop.example/help",
    "https://shop.example/slack.company/archives",
    "https://slack-redir.net/link?url=https%3A%2F%2Fshop.example%2F",
    "https://shop.example/archives/C0LEADS12",
    "http://[",
    "",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_what_leads_into_a_workspace_is_private(url: str) -> None:
    assert private(url)


@pytest.mark.parametrize("url", PUBLIC)
def test_what_anybody_may_open_is_not(url: str) -> None:
    assert not private(url)


def sent(message: dict[str, Any]) -> str:
    draft = compose(message, Names(), note_prefix="//")
    assert isinstance(draft, ReplyDraft)
    return "".join(part.text for part in draft.parts if part.kind == "text")


def linked(url: str, label: str = "") -> dict[str, Any]:
    link = {"type": "link", "url": url, **({"text": label} if label else {})}
    elements = [{"type": "text", "text": "see "}, link]
    return {
        "blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}]
    }


@pytest.mark.parametrize("url", PRIVATE)
def test_none_leaves_as_a_link_in_whatever_block(url: str) -> None:
    assert sent(linked(url)) == "see (a private link)"
    assert sent(linked(url, "this thread")) == "see this thread"
    assert not private(sent(linked("https://shop.example/", url)))
    table = {"type": "table", "rows": [[{"type": "raw_text", "text": "see"}], linked(url)["blocks"]]}
    assert sent({"blocks": [table]}) == "see\nsee (a private link)"


@pytest.mark.parametrize("url", [url for url in PRIVATE if "@" not in url and "%2E" not in url])
def test_none_leaves_that_was_typed(url: str) -> None:
    assert sent({"text": f"see {url} now"}) == "see (a private link) now"


S = "https://acme.slack.com/archives/C1"
P = "(a private link)"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (f"请看{S}。订单已经退款50元", f"请看{P}。订单已经退款50元"),
        (f"请看{S}，退款50元", f"请看{P}，退款50元"),
        (f"見て{S}を開いてください", f"見て{P}を開いてください"),
        (f"{S}입니다. 감사", f"{P}입니다. 감사"),
        (f"انظر {S}، المبلغ 50", f"انظر {P}، المبلغ 50"),
        (f"see “{S}”, then pay", f"see “{P}”, then pay"),
        (f"~see {S}~ gone", f"~see {P}~ gone"),
        (f"Danke, {S}; bis 5.", f"Danke, {P}; bis 5."),
        (f"{S}|50 EUR", f"{P}|50 EUR"),
        (f"https://shop.example/x,{S} ok", f"https://shop.example/x,{P} ok"),
        (f"https://shop.example/x（{S}）退款", f"https://shop.example/x（{P}）退款"),
        (f"{S}，{S}/p17，ok", f"{P}，{P}，ok"),
        ("看acme.slack.com/archives/C1", f"看{P}"),
        ("https://acme.slack.com/arch\u200bives/C0LEADS/p17 ok", f"{P} ok"),
        ("https://acme。slack。com/archives/C0LEADS ok", f"{P} ok"),
        ("mail x1y2z3-aaaa@acme.slack.com.", f"mail {P}."),
        ("메일은 x1y2z3-aaaa@acme.slack.com으로 보내세요", f"메일은 {P}으로 보내세요"),
        ("请打开slack://channel?id=C0LEADS，谢谢", f"请打开{P}，谢谢"),
        ("see ...acme.slack.com/archives/C0LEADS", f"see {P}"),
        ("acme.slack%2Ecom/archives/C1 ok", f"{P} ok"),
        ("ftp://acme.slack.com/x ok", f"{P} ok"),
        (S + "，" * 5000, P),
        (f"{S}，" * 8 + "end", f"{P}，" * 8 + "end"),
    ],
    ids=lambda words: ascii(words)[:40],
)
def test_the_words_around_a_private_address_go_out(words: str, shown: str) -> None:
    element = {"type": "text", "text": words}
    section = {"type": "rich_text_section", "elements": [element]}
    assert sent({"blocks": [{"type": "rich_text", "elements": [section]}]}) == shown


@pytest.mark.parametrize("url", [url for url in PUBLIC if "://" in url and "[" not in url])
def test_ordinary_addresses_go_out(url: str) -> None:
    assert sent(linked(url)) == f"see {url}"
    assert sent({"text": f"see {url} now"}) == f"see {url} now"


@given(st.text(max_size=60) | st.text("slack.com/:%2@?&=rdi-", max_size=60))
def test_no_text_is_an_error(text: str) -> None:
    assert private(text) in (True, False)
