"""Where a bare address in words ends: the same in a customer's words and in Markdown."""

from __future__ import annotations

import pytest

from bridge.model import Author, Text
from tests.render.examples import BOT, CUSTOMER, said
from tests.render.slack_rules import elements
from tests.render.test_anything import shown
from tests.render.words import in_blocks

S = "https://shop.example"

ENDS = [
    (f"订单在 {S}/orders/88412，谢谢。", f"{S}/orders/88412"),
    (f"请看（{S}/help/faq）再回复", f"{S}/help/faq"),
    (f"It says “{S}/pay/77” is expired", f"{S}/pay/77"),
    (f"voir «{S}/fr/aide»", f"{S}/fr/aide"),
    (f"[ticket: {S}/t/9]", f"{S}/t/9"),
    (f"الرابط {S}/ar؟ شكرا", f"{S}/ar"),
    (f"{S}/ar، ثم", f"{S}/ar"),
    (f"{S}/k입니다", f"{S}/k"),
    (f"{S}/k에서는 확인", f"{S}/k"),
    (f"{S}/k를.", f"{S}/k"),
    (f"{S}입니다", S),
    (f"{S}/에서 확인", f"{S}/"),
    (f"请点击{S}/a查看详情", f"{S}/a"),
    (f"{S}/orders/88412谢谢", f"{S}/orders/88412"),
    (f"{S}/aを開く", f"{S}/a"),
    (f"{S}/aครับ", f"{S}/a"),
    (f"{S}/o/5\u200f הקישור", f"{S}/o/5"),
    (f"\u2068{S}/o/6\u2069 לא עובד", f"{S}/o/6"),
    (f"{S}/a\u200b", f"{S}/a"),
    (f"{S}/a\u3164", f"{S}/a"),
    (f"{S}/a\ufe0f", f"{S}/a"),
    (f"see {S}/wiki/Box_(large), ok", f"{S}/wiki/Box_(large)"),
    (f"({S}/a_(b))", f"{S}/a_(b)"),
    (f"({S}/a)now", f"{S}/a"),
    (f"「{S}/a」『b』", f"{S}/a"),
    (f"《{S}/a》", f"{S}/a"),
    (f"‘{S}/a’", f"{S}/a"),
    (f"'{S}/a'", f"{S}/a"),
    (f"{S}/a's page", f"{S}/a"),
    (f"{S}/a👍", f"{S}/a"),
    (f"{S}/a → here", f"{S}/a"),
    (f"{S}/a…", f"{S}/a"),
    (f"{S}/a?!", f"{S}/a"),
    (f"{S}/1,{S}/2", f"{S}/1"),
    (f"{S}/1。{S}/2", f"{S}/1"),
    (f"{S}/a|b", f"{S}/a"),
    (f"<{S}/a|the shop>", f"{S}/a"),
    (f"{S}/a’s page", f"{S}/a"),
    (f"{S}/a’den alın", f"{S}/a"),
]
WHOLE = [
    "https://ja.example/wiki/サクラ_(曖昧さ回避)",
    "https://ja.example/wiki/ジョン・レノン",
    "https://ko.example/wiki/한국",
    "https://ko.example/entry/2024년-연말-pip으로-설치",
    "https://fa.example/wiki/می\u200cخواهم",
    "https://en.example/wiki/Michelson–Morley_experiment",
    "https://fr.example/L’Équipe",
    "https://ca.example/col·lecció",
    "https://例え.jp/",
    "https://xn--r8jz45g.jp:8080/a?b=c#d",
    "https://[::1]:8080/a",
    f"{S}/?a[]=1&b[0]=2",
    f"{S}/men's-shoes",
    f"{S}/search?q=*sale*",
    f"{S}/search?q=**重要**です",
    f"{S}/search?q=*sale*&page=1",
    f"{S}/__init__",
    f"{S}/__init__/setup_guide_v2",
    f"{S}/a/_new_/b",
    f"{S}/~~x~~/y",
    f"{S}/a@b:c;d=1,2",
    "HTTPS://SHOP.example/A",
]


def links(author: Author, words: str) -> list[str]:
    return [
        one["url"] for one in elements(in_blocks(said(author, Text(text=words)))) if one.get("type") == "link"
    ]


@pytest.mark.parametrize("author", [CUSTOMER, BOT], ids=["customer", "ai"])
@pytest.mark.parametrize(("words", "address"), ENDS, ids=ascii)
def test_a_bare_address_ends_where_the_sentence_goes_on(words: str, address: str, author: Author) -> None:
    assert links(author, words)[0] == address
    assert shown(said(author, Text(text=words))) == words


@pytest.mark.parametrize("author", [CUSTOMER, BOT], ids=["customer", "ai"])
@pytest.mark.parametrize("address", WHOLE, ids=ascii)
def test_an_address_stays_whole(address: str, author: Author) -> None:
    for words in (address, f"see {address} please", f"({address})", f"see {address}."):
        assert links(author, words) == [address]
        assert shown(said(author, Text(text=words))) == words


def test_emphasis_around_an_address_is_not_the_address() -> None:
    for words in (
        f"**{S}/x/**です",
        f"官网：**{S}/x/**，请看",
        f"**{S}/x/**에서",
        f"**{S}/x/**",
        f"*{S}/x/*",
        f"_{S}/x/_",
        f"**{S}/x/**, ok",
        f"~~{S}/x/~~",
    ):
        assert links(BOT, words) == [f"{S}/x/"]


def test_a_link_with_spaces_and_one_with_a_title() -> None:
    assert links(BOT, f"[Manual]({S}/My Manual.pdf)") == [f"{S}/My%20Manual.pdf"]
    assert links(BOT, f'[Manual]({S}/a "The title")') == [f"{S}/a"]
    assert "The title" in shown(said(BOT, Text(text=f'[Manual]({S}/a "The title")')))


@pytest.mark.parametrize("author", [CUSTOMER, BOT], ids=["customer", "ai"])
@pytest.mark.parametrize("words", [f"{S}/?path=C:\\_tmp&x=1", "https://", "https://.", "http://?a"])
def test_no_link_but_every_character(words: str, author: Author) -> None:
    assert links(author, words) == []
    assert shown(said(author, Text(text=words))) == words
