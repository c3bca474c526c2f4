"""The Markdown that is read: CommonMark, but no character of a code, an amount or an address is lost.

Tables and strikethrough are added. HTML, link definitions, indented code and underlined headings are left
out: plain text looks like them by accident. Beside that

- an address is recognised before emphasis, entities and escapes;
- emphasis begins and ends at the edge of a word, in runs of at most three marks, and around more than figures
  or a `__name__`. Scripts without spaces have no such edge: `**` and `~~` act anywhere between their letters;
- a backslash is dropped only where it keeps a mark from being Markdown, never in a path;
- `>` begins a quote only before a space and a word: `> 5 items` is a comparison.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import accumulate

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, blockquote, fence, heading, hr
from markdown_it.rules_inline import StateInline, autolink, image, link
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

from bridge.render.addresses import end_of, is_unspaced

#: blocks and spans deeper than this are left out by the parser, so that the text is shown as it was written
NESTING = 30

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z", re.IGNORECASE)
_SCHEME_LENGTH = 20
_SPACED_LINK = re.compile(
    r"!?\[([^\[\]\n]{1,300})\]\((https?://[^\s<>()\"']+(?: [^\s<>()\"']+)+)\)", re.IGNORECASE
)
#: an index stands behind a word or one of these
_BEFORE_INDEX = frozenset(")]")
_IS_ADDRESS = re.compile(r"[ \t]*<?(?:[a-z][a-z0-9+.-]*:|www\.|[/#?.])", re.IGNORECASE)
_NOT_IN_TARGET = re.compile(r"[\s<>\"`\\]")
_QUOTE = re.compile(r">(?:[ \t]+[^\s\d=$€£¥]|[ \t]*(?:\n|\Z))")

_TILDES = re.compile(r"~+[ \t]*[\w+#.-]{0,20}[ \t]*")
#: a label is looked for within so many characters, else a text of brackets takes seconds
_LABEL = 1000

_BEFORE_EMPHASIS = frozenset("([{<\"':|>*_~")
_BEFORE_STRONG = frozenset(".,;!?")
_BEGINS_EMPHASIS = frozenset("([{<\"'`$#+@&!\\*_~")
_ENDS_EMPHASIS = frozenset(".,;:!?)]}>\"'|`%*_~<")
_BEHIND_EMPHASIS = frozenset(".,;:!?)]}>\"'|*_~<`")
_BEHIND_EMPHASISED_WORD = frozenset("-/=+%([")
_MARKS = frozenset("*_~")
#: behind a masked name the sentence goes on, as in `王**、李**`; no emphasis begins with one of these
_GOES_ON = frozenset(",;:!?)]、，。；：！？…）」』】》〉")
#: what joins the figures of a number, as in `**.345.678/0001-**`
_JOINTS = frozenset(".,:/-")
_AND = frozenset("和与與及跟")
_PATH = re.compile(r"\\[A-Za-z0-9\\]|[:%.]\\")
_WORD_LENGTH = 200
_RUN = 3  # marks at most
_NOTE = 9  # pieces of a footnote that are looked at
_BRACKET = re.compile(r"[()]")
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


class _Dialect(MarkdownIt):
    def normalizeLink(self, url: str) -> str:
        return _target(url)


def parser(*, tables: bool) -> MarkdownIt:
    made = _Dialect("commonmark", {"maxNesting": NESTING})
    made.enable(["strikethrough", *(["table"] if tables else [])])
    made.disable(["code", "lheading", "reference", "html_block", "html_inline"])
    within = ["paragraph", "reference", "blockquote", "list"]
    made.block.ruler.at("fence", _fence, {"alt": within})
    made.block.ruler.at("blockquote", _quote, {"alt": within})
    made.block.ruler.at("heading", _heading, {"alt": within[:-1]})
    made.block.ruler.at("hr", _rule, {"alt": within})
    made.inline.ruler.before("newline", "address", _address)
    made.inline.ruler.before("link", "spaced_link", _spaced_link)
    made.inline.ruler.at("link", _link)
    made.inline.ruler.at("autolink", _autolink)
    made.inline.ruler.at("image", _image)
    made.inline.ruler.at("escape", _escape)
    made.inline.ruler.at("emphasis", _marks)
    made.inline.ruler.at("strikethrough", _marks)
    made.inline.ruler2.after("balance_pairs", "codes", _keep_codes)
    return made


def _target(address: str) -> str:
    """As it was written, but for what no address may hold."""
    return _NOT_IN_TARGET.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), address)


# ── blocks ───────────────────────────────────────────────────────────────────────────────────────


def _quote(state: StateBlock, line: int, end: int, silent: bool) -> bool:
    return bool(_QUOTE.match(_line(state, line))) and blockquote(state, line, end, silent)


def _heading(state: StateBlock, line: int, end: int, silent: bool) -> bool:
    """Not with `#` at its end too, as in `# Press 5 #`."""
    return not _line(state, line).rstrip().endswith("#") and heading(state, line, end, silent)


def _fence(state: StateBlock, line: int, end: int, silent: bool) -> bool:
    """Of `~` only with nothing but a language beside it: `~~~ SALE ~~~` is none."""
    written = _line(state, line)
    return bool(not written.startswith("~") or _TILDES.fullmatch(written)) and fence(state, line, end, silent)


def _rule(state: StateBlock, line: int, end: int, silent: bool) -> bool:
    """With its marks as they were written: `* * * * *` may be a schedule."""
    if not hr(state, line, end, silent):
        return False
    if not silent:
        state.tokens[-1].content = _line(state, line).rstrip()
    return True


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


# ── addresses ────────────────────────────────────────────────────────────────────────────────────


def _address(state: StateInline, silent: bool) -> bool:
    """A bare address of any scheme, at the colon behind the scheme."""
    if not state.src.startswith("://", state.pos, state.posMax):
        return False
    scheme = _SCHEME.search(state.src, max(0, state.pos - _SCHEME_LENGTH), state.pos)
    if scheme is None or not (silent or state.pending.endswith(scheme[0])):
        return False
    end = min(end_of(state.src, scheme.start(), state.pos + 3), state.posMax)
    if not silent:
        state.pending = state.pending[: -len(scheme[0])]
        token = state.push("address", "", 0)
        # an address that was escaped for HTML
        token.content = state.src[scheme.start() : end].replace("&amp;", "&")
    state.pos = end
    return True


def _link(state: StateInline, silent: bool) -> bool:
    return _leads_somewhere(state) and not _is_code(state) and link(state, silent)


def _is_code(state: StateInline) -> bool:
    """Whether it is an index and a call, as in `f(x)[0](y)`, or a function without a name, as in `[]()`."""
    before, label = state.src[state.pos - 1 : state.pos] if state.pos else "", state.pos + 1
    end = state.src.find("](", label, label + _LABEL)
    glued = before.isascii() and (before.isalnum() or before in _BEFORE_INDEX) and bool(before)
    return (glued or end == label) and not _IS_ADDRESS.match(state.src, end + 2, state.posMax)


def _autolink(state: StateInline, silent: bool) -> bool:
    """Not of Slack's own kind, `<https://shop.example|the shop>`: its address ends before the label."""
    if state.src[state.pos] != "<" or "|" in state.src[state.pos : state.src.find(">", state.pos) + 1]:
        return False
    return autolink(state, silent)


def _image(state: StateInline, silent: bool) -> bool:
    return _leads_somewhere(state) and image(state, silent)


def _leads_somewhere(state: StateInline) -> bool:
    return state.src[state.pos] in "![" and state.src.find("](", state.pos, state.pos + _LABEL) >= 0


def _spaced_link(state: StateInline, silent: bool) -> bool:
    """`[label](address)` whose address holds spaces."""
    found = _SPACED_LINK.match(state.src, state.pos, state.posMax) if state.src[state.pos] in "![" else None
    if found is None:
        return False
    if not silent:
        label, address = found[1], _target(found[2])
        if found[0].startswith("!"):
            token = state.push("image", "img", 0)
            token.attrs, token.content = {"src": address}, label
        else:
            state.push("link_open", "a", 1).attrs = {"href": address}
            state.push("text", "", 0).content = label
            state.push("link_close", "a", -1)
    state.pos = found.end()
    return True


# ── escapes ──────────────────────────────────────────────────────────────────────────────────────


def _escape(state: StateInline, silent: bool) -> bool:
    """A backslash: with what it escapes, or to the letter, together with the mark behind it."""
    if state.src[state.pos] != "\\":
        return False
    written = state.src[state.pos : min(state.pos + 2, state.posMax)]
    if written[1:] not in _PUNCTUATION:
        written = "\\"
    if not silent:
        token = state.push("text_special", "", 0)
        token.content = written[1:] if written[1:] and _escapes(state, written[1]) else written
        token.markup, token.info = written, "escape"
    state.pos += len(written)
    return True


def _escapes(state: StateInline, mark: str) -> bool:
    """Whether the backslash at `state.pos` is there so that `mark` is not Markdown."""
    source, position = state.src, state.pos
    before, behind = source[position - 1 : position], source[position + 2 : position + 3]
    line = source[max(source.rfind("\n", 0, position) + 1, position - _WORD_LENGTH) : position].strip()
    if mark in "#+->":
        return not line  # it would begin a block
    if mark == ".":
        return line.isdigit()
    if mark == "$":
        return behind.isdigit() and (not before or before.isspace())
    if mark not in "*_~`" or _is_path(source, position):
        return False
    opened: set[str] = state.env.setdefault("escaped", set())
    first = (
        not before or before.isspace() or before in "([{\"'" or source[position - 2 : position - 1] == "\\"
    )
    if (
        first
        and not behind.isalnum()
        and not behind.isspace()
        and behind not in ("", "\\", *_BEFORE_EMPHASIS)
    ):
        return False
    if first:
        opened.add(mark)
    return first or (mark in opened and not behind.isalnum())


def _is_path(source: str, position: int) -> bool:
    """Whether the word around the backslash at `position` is a path of Windows, or of a share."""
    head = source[max(0, position - _WORD_LENGTH) : position].rsplit(None, 1)
    before = head[-1] if head and not source[position - 1].isspace() else ""
    behind = source[position : position + _WORD_LENGTH].split(None, 1)[0]
    return bool(_PATH.search(before + behind))


# ── emphasis ─────────────────────────────────────────────────────────────────────────────────────


def _marks(state: StateInline, silent: bool) -> bool:
    """A run of `*`, `_` or `~`, as far as it may begin or end emphasis."""
    mark = state.src[state.pos]
    if silent or mark not in "*_~":
        return False
    end = state.pos
    while end < state.posMax and state.src[end] == mark:
        end += 1
    length = end - state.pos
    before = state.src[state.pos - 1] if state.pos else " "
    behind = state.src[end] if end < state.posMax else " "
    opens, closes = _opens(mark, length, before, behind), _closes(mark, length, before, behind)
    closes = closes and not _masks_a_name(state.src, state.pos, behind)
    if not (opens or closes) or length > 3 or (mark == "~" and length != 2):
        state.pending += mark * length
    else:
        for content in ["~~"] if mark == "~" else [mark] * length:
            state.push("text", "", 0).content = content
            delimiter = Delimiter(ord(mark), length, len(state.tokens) - 1, -1, opens, closes)
            state.delimiters.append(delimiter)
    state.pos = end
    return True


def _opens(mark: str, length: int, before: str, behind: str) -> bool:
    if behind.isspace():
        return False
    if before.isalnum():
        glued = mark != "_" and is_unspaced(before) and behind not in _GOES_ON
        return glued and (length > 1 or not behind.isalnum())
    if before.isspace() or not before.isascii() or before in _BEFORE_EMPHASIS:
        if length == 1:
            return _is_figure(behind) or behind in _BEGINS_EMPHASIS
        return behind not in ")]},;:!?"
    return length > 1 and behind.isalpha() and (before in _BEFORE_STRONG or mark + before == "*/")


def _closes(mark: str, length: int, before: str, behind: str) -> bool:
    if before.isspace() or before in "([{":
        return False
    if behind.isalnum():
        return mark != "_" and is_unspaced(behind) and (length > 1 or not before.isalnum())
    if behind.isspace() or not behind.isascii():
        return True
    if behind in _BEHIND_EMPHASIS:
        return _is_figure(before) or before in _ENDS_EMPHASIS
    return behind in _BEHIND_EMPHASISED_WORD and before.isalnum()


def _masks_a_name(source: str, position: int, behind: str) -> bool:
    """Whether the run at `position` is what is left out of a name, as in `张**先生，李**女士`.

    A family name of one character stands at the beginning of a clause, or behind an "and".
    """
    before, earlier = source[position - 1 : position], source[max(0, position - 2) : position - 1]
    glued = is_unspaced(before) and is_unspaced(behind)
    within = earlier.isalnum() or (bool(earlier) and unicodedata.category(earlier).startswith("M"))
    return glued and earlier not in _MARKS and (not within or earlier in _AND)


def _keep_codes(state: StateInline) -> None:
    """Pairs around a code are no emphasis: around figures and signs alone, or around a `__name__`."""
    lists = [
        state.delimiters,
        *(meta["delimiters"] for meta in state.tokens_meta if meta and "delimiters" in meta),
    ]
    if not any(delimiter.end >= 0 for delimiters in lists for delimiter in delimiters):
        return
    contents = [token.content for token in state.tokens]
    lengths = _counted(map(len, contents))
    letters = _counted(sum(map(str.isalpha, content)) for content in contents)
    figures = _counted(sum(map(_is_figure, content)) for content in contents)
    of_names = _counted(sum(map(_is_of_a_name, content)) for content in contents)
    for delimiters in lists:
        for opener in delimiters:
            if opener.end < 0:
                continue
            closer = delimiters[opener.end]
            length, letter, figure, of_name = (
                counts[closer.token] - counts[opener.token + 1]
                for counts in (lengths, letters, figures, of_names)
            )
            double = opener.length == closer.length == 2
            name = opener.marker == ord("_") and of_name == length and (double or letter < length)
            if (
                name
                or _is_note(contents, opener, closer)
                or _is_masked(contents, opener, closer, letters=letter > 0)
                or not (figure if double else letter)
            ):
                opener.end = -1


def _last(contents: list[str], delimiter: Delimiter) -> str:
    """The last character before the run of marks that `delimiter` is part of."""
    before, mark = contents[max(0, delimiter.token - _RUN) : delimiter.token], chr(delimiter.marker)
    return next((content[-1] for content in reversed(before) if content and content != mark), "")


def _is_note(contents: list[str], opener: Delimiter, closer: Delimiter) -> bool:
    """Whether the brackets or quotes around it end before it does, as in `(*plus VAT), 20 EUR*`."""
    before = _last(contents, opener)
    if before not in ("(", '"'):
        return False
    inside = "".join(contents[opener.token + 1 : min(closer.token, opener.token + 1 + _NOTE)])
    if before == '"':
        return '"' in inside
    bracket = _BRACKET.search(inside)
    return bracket is not None and bracket[0] == ")"


def _is_masked(contents: list[str], opener: Delimiter, closer: Delimiter, *, letters: bool) -> bool:
    """Whether they are part of a code, as in `**/*.py, src/**`, `**/build/**` and `**.345.678/0001-**`."""
    behind = contents[opener.token + 1 : opener.token + 1 + _RUN]
    first = next((content[0] for content in behind if content and content != "*"), "")
    last = _last(contents, closer)
    if not letters:
        return first in _JOINTS and last in _JOINTS
    return opener.marker == ord("*") and first == "/" and not _is_figure(last or "a")


def _counted(counts: Iterable[int]) -> list[int]:
    """How many there are before each token."""
    return [0, *accumulate(counts)]


def _is_figure(character: str) -> bool:
    return character.isalnum() or not character.isascii()


def _is_of_a_name(character: str) -> bool:
    return character == "_" or (character.isascii() and character.isalnum())


def depth(tokens: Sequence[Token]) -> int:
    """How deep the deepest of `tokens` is nested."""
    return max((token.level for token in tokens), default=0)
