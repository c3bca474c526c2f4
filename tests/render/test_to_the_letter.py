"""Codes, amounts and names keep every character in an AI agent's text, and Markdown is still Markdown."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Author, Text
from tests.render.examples import AGENT, BOT, CUSTOMER, SYSTEM, said
from tests.render.slack_rules import elements
from tests.render.test_anything import shown
from tests.render.words import in_blocks, in_text

KEPT = """\
Card on file: ****-****-****-4242
12*3*2 = 72 boxes
We wrote to a*****z@m****.example
We wrote to j***@***.example and to k***@***.example
Voucher: SAVE*20*NOW
Dial *100*2# or *101*3#
Dial *#06# now and *#*#4636#*#* too
*100*
Open \\\\server\\share\\_new
¯\\_(ツ)_/¯
C:\\_tmp\\*.txt
C:\\new\\_x_\\y
D:\\
\\(a_1\\) and \\[x\\]
+ 49 30 1234567
- 5 °C outside
- $5.00 refund
07. May it is
24. Dezember
1986. A great year
PIN ****, snake_case_name
***-***-1234
**-**-1234
**/**/1990
12-**-2026 and 13-**-2026
(**) ***-**34
DE89 **** **** **** 3000
Open __init__.py and __name__ and __ORDER_ID__ here
Code: _A1_B2_
a_b_c snake_case __x
~/.ssh and ~5 items ~~
www.shop.example/__init__/_x_/~~y~~
ftp://x.example/__a__/_b_
j_d_@x.example and _k_e_@x.example
#1234 is your order
# 1234
# Press 5 #
#
> 5 items in stock
>= 5 items
>>> print(1)
>
-
a | b
[x] done [1] see
I <3 you, AT&T &copy 2024
<b>bold</b> <br>
f(*args, **kwargs) and x**2 + y**2
2 * 3 * 4 = 24
/* comment */ and /*x*/
SELECT * FROM a WHERE b*c*d
长*宽*高 = 10
商品_新_版
张**先生，李**女士
王**和李**都
尾号****1234的卡
$a_1$ and $x_{i}$ then $y_{j}$
5* hotel and 4* hotel
*.jpg and *.png a/*.jpg
key=*value*&x
![]
[text](javascript:alert(1))
**/*.py and src/**/test_*.py
Exclude **/node_modules/** and **/dist/**
10 EUR* (*plus VAT), 20 EUR* (*incl. VAT)
f(x)[0](y) and arr[i](j)
CNPJ **.345.678/0001-**
王**、李**、张**
find . -name "*_test.go" -o -name "*_mock.go"
* * * * *
___ ___ ___
auto f = []() and [](x)
^_^ >_< *_* T_T -_- o_O""".splitlines()

LINES = [
    "- 5 °C in Oslo\n- 7 °C in Bergen",
    "+ 49 30 1\n+ 49 30 2",
    "07. May it\n08. June it",
    "1986. A\n1990. B",
    "0. zero\n1. one",
    "1) first\n2) second",
    "Total\n===\nx",
    "text\n> 5 items\n> 6 cards",
    "Your code:\n\n********\n\nbye",
    "~~~ SALE ~~~\nfoo",
]

#: what is written, and what is shown with which style
STYLED = [
    ("**注意：**请在7天内退货。", "注意：", "bold"),
    ('**"환불"**은 3일 걸립니다.', '"환불"', "bold"),
    ("これは**重要（返品）**です。", "重要（返品）", "bold"),
    ("*这是斜体。*然后继续", "这是斜体。", "italic"),
    ("~~旧价格（含税）~~新价格", "旧价格（含税）", "strike"),
    ("这是**重点**内容", "重点", "bold"),
    ("最新の**iPhone**を", "iPhone", "bold"),
    ("**『重要』**を", "『重要』", "bold"),
    ("**A팀**은", "A팀", "bold"),
    ("**注意**：x", "注意", "bold"),
    ("第**1**条", "1", "bold"),
    ("**大**小", "大", "bold"),
    ("**สำคัญ**ครับ", "สำคัญ", "bold"),
    ("**20%** off", "20%", "bold"),
    ("**$20**", "$20", "bold"),
    ("~~$20~~ $15", "$20", "strike"),
    ("Total: **12,50 €**, ok", "12,50 €", "bold"),
    ("*emph* and more", "emph", "italic"),
    ("_emph_ and more", "emph", "italic"),
    ("__two words__ ok", "two words", "bold"),
    ("(**x**)", "x", "bold"),
    ("(*see below*) and (more)", "see below", "italic"),
    ("**/help** lists them", "/help", "bold"),
    ("**A**/**B**", "B", "bold"),
    ("**Hinweis:** ja", "Hinweis:", "bold"),
]


@pytest.mark.parametrize("words", KEPT)
def test_every_character_is_kept(words: str) -> None:
    assert shown(said(BOT, Text(text=words))) == words
    assert shown(said(BOT, Text(text=f"Hello,\n\n{words}"))) == f"Hello,\n\n{words}"


@pytest.mark.parametrize("words", LINES)
def test_lines_are_kept(words: str) -> None:
    assert shown(said(BOT, Text(text=words))) == words


@pytest.mark.parametrize(("written", "words", "style"), STYLED)
def test_emphasis_is_emphasis(written: str, words: str, style: str) -> None:
    found = [one for one in elements(in_blocks(said(BOT, Text(text=written)))) if one.get("text") == words]
    assert [one["style"] for one in found] == [{style: True}]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("1985\\. That was it", "1985. That was it"),
        ("\\*not bold\\*", "*not bold*"),
        ("\\*\\*not bold\\*\\*", "**not bold**"),
        ("\\# no heading", "# no heading"),
        ("5 \\* 3", "5 * 3"),
    ],
)
def test_a_backslash_that_keeps_a_mark_is_not_shown(written: str, words: str) -> None:
    assert shown(said(BOT, Text(text=written))) == words


def test_lists_are_lists() -> None:
    words = "- one\n- two\n\n1. a\n2. b\n\nand\n\n1. x\n1. y"
    lists = [
        one for one in elements(in_blocks(said(BOT, Text(text=words)))) if one["type"] == "rich_text_list"
    ]
    assert [one["style"] for one in lists] == ["bullet", "ordered", "ordered"]
    assert all(one.get("offset", 0) >= 0 for one in lists)


@pytest.mark.parametrize("author", [CUSTOMER, AGENT, SYSTEM], ids=lambda author: author.role)
def test_peoples_own_words_are_no_markdown_unless_the_vendor_says_so(author: Author) -> None:
    words = "**not bold** and `a` [b](https://shop.example/)\n# c\n- d"
    assert shown(said(author, Text(text=words))) == words
    assert shown(said(author, Text(text="**b**", format="markdown"))) == "b"
    assert shown(said(BOT, Text(text="**b**", format="plain"))) == "**b**"


PARTS = st.sampled_from(
    [
        *"ab07*_~`#>-+.)(![|\\$&<:/ \n",
        "**",
        "\n\n",
        "- ",
        "7. ",
        "> ",
        "# ",
        "\\*",
        "重",
        "。",
        "환",
        "\u200f",
        "https://a.b/7_",
        "https://a.b/_0_?q=*a*",
    ]
)


@given(st.lists(PARTS, max_size=40).map("".join).filter(lambda words: not re.search(r"```|~~~", words)))
def test_letters_and_figures_outlive_every_markdown(words: str) -> None:
    """In their order; in lists the figures are in the marks."""
    kept = "".join(one for one in words if one.isalnum())
    if kept:
        assert "".join(one for one in in_text(said(BOT, Text(text=words))) if one.isalnum()) == kept
