"""Where a bare address ends. One reader for literal words and for Markdown.

An address goes on through letters and digits of every script and through ASCII punctuation. It ends before

- white space, `<>"|`, a backtick, symbols and emoji, and marks that are not seen;
- punctuation outside ASCII (`，。」»”؟…`), except a dash, a middle dot or an apostrophe inside a word;
- a closing bracket that it did not open, and a comma or semicolon before the next address;
- the sentence's own last signs (`.,;:!?…`), and emphasis marks that it did not open;
- words of a script without spaces (Hangul, Han, kana, Thai …) right behind an ASCII letter or digit, unless
  the address goes on behind them: `/k입니다` ends at `/k`; `/wiki/한국` and `/2024-pip으로-설치` stay whole.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from bridge.render import limits
from bridge.render.invisible import NOT_SHOWN

_ASCII_ENDS = frozenset(' <>"`|')
_OPENED_BY = {")": "(", "]": "[", "}": "{"}
_DASHES = frozenset("\u2010\u2011\u2012\u2013")
_JOINERS = frozenset("\u200c\u200d")
_LAST_SIGNS = ".,;:!?…'([{"
#: how often an end is looked at again; an address that ends in more signs by turns is no real one
_TRIMS = 20
_MARKS = frozenset("*_~")
_HOST_END = re.compile(r"[/?#\s]")
_NEXT_ADDRESS = re.compile(r"[,;]https?://", re.IGNORECASE)
#: scripts whose words follow a Latin word without a space
_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f"
    r"\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_UNSPACED_CHARACTER = re.compile(rf"[{_UNSPACED}]")
_GLUED = re.compile(rf"[\x21-\x7e]*[A-Za-z0-9](?=[{_UNSPACED}])")
_DATE = re.compile(r"[/_-]\d{1,4}\Z")
_GOES_ON = re.compile(r"[/_.=&%?#+~:@-][\w%]")
_KOREAN = (
    r"입니다만|입니다|입니까|이에요|예요|이고|이며|이라고|라고|이라는|라는|에서는|에서도|에서|에게|에는|에도|으로는|으로도|으로"
    r"|로는|로도|까지|부터|처럼|보다|하고|이나|이랑"
)
_KOREAN_ENDING = re.compile(
    rf"(?:(?<=[A-Za-z0-9])(?:{_KOREAN}|[은는이가을를에의로와과도만])|(?<=/)(?:{_KOREAN}))\Z"
)
#: an ending behind an apostrophe; behind a curly one those of English and Turkish, as in `…/a’s`, `…/a’den`
_POSSESSIVE = re.compile(r"(?:'[^\W\d_]{1,4}|’(?:s|re|ll|[ytd]?[aeıiuü]|[dt][ae]n|n?[ıiuü]n))\Z")
#: emphasis that ends right before a word of such a script
_MARKED = re.compile(rf"[\x21-\x7e]*?[A-Za-z0-9/)](?=(\*{{1,3}}|~~)[{_UNSPACED}])")


def is_unspaced(character: str) -> bool:
    """Whether it is a letter of a script whose words are not set apart by spaces."""
    return bool(_UNSPACED_CHARACTER.fullmatch(character))


def end_of(words: str, start: int, body: int) -> int:
    """The end of the address in `words` from `start`, whose scheme ends at `body` with `://`."""
    stop = _run(words, start, body)
    if stop - start > limits.ADDRESS:
        return stop  # it is no link, so where exactly it ends does not matter
    for _ in range(_TRIMS):
        stop, longer = start + _trimmed(words[start:stop], body - start), stop
        if stop == longer:
            break
    return stop


def _run(words: str, start: int, body: int) -> int:
    """The end of the characters that can be the address'."""
    opened = dict.fromkeys(_OPENED_BY.values(), 0)
    host_end = _HOST_END.search(words, body)
    path = host_end.start() if host_end else len(words)
    quoted = words[start - 1 : start] == "'"
    for index in range(body, len(words)):
        character = words[index]
        if not character.isascii():
            over = _ends(character) and not _joins(words, index)
        elif character in opened:
            opened[character] += 1
            continue
        elif opening := _OPENED_BY.get(character):
            opened[opening] -= 1
            over = opened[opening] < 0
        elif character in ",;":
            over = bool(_NEXT_ADDRESS.match(words, index))
        elif character == "'":
            over = index < path or quoted or not _word(words, index + 1)
        else:
            over = character in _ASCII_ENDS or not character.isprintable()
        if over:
            return index
    return len(words)


@lru_cache(maxsize=4096)
def _ends(character: str) -> bool:
    return (
        unicodedata.category(character)[0] in "CPSZ"
        or "\ufe00" <= character <= "\ufe0f"
        or bool(NOT_SHOWN.match(character))
    )


def _joins(words: str, index: int) -> bool:
    """Whether a sign outside ASCII joins two parts of a word."""
    character, before, after = words[index], words[index - 1], words[index + 1 : index + 2]
    if not after.isalnum():
        return False
    if character in _JOINERS or character == "・":
        return not before.isascii() and not after.isascii()
    return character in _DASHES or (character in "·’" and not is_unspaced(after))


def _word(words: str, index: int) -> bool:
    return words[index : index + 1].isalnum()


def _trimmed(address: str, body: int) -> int:
    """The length of `address` without its last sign, mark or ending that is the sentence's."""
    end = len(address)
    if end <= body:
        return end
    last = address[-1]
    if last in _LAST_SIGNS:
        return max(body, len(address.rstrip(_LAST_SIGNS)))
    if last in _MARKS:
        bare = len(address.rstrip(last))
        return min(end, bare + _opened(address[:bare], last))
    if found := _KOREAN_ENDING.search(address, body) or _POSSESSIVE.search(address, body):
        return found.start()
    found = _MARKED.match(address)
    if found and found.end() > body and not _opened(found[0], found[1][0]):
        return found.end()
    found = _GLUED.match(address)
    if found and found.end() > body and not _GOES_ON.search(address, found.end()):
        return end if address[found.end()] in "年月日" and _DATE.search(found[0]) else found.end()
    return end


def _opened(address: str, mark: str) -> int:
    """How many of `mark` are opened in `address`, as in `?q=*sale*`."""
    opened = 0
    for found in re.finditer(rf"{re.escape(mark)}+", address):
        before, after = _word(address, found.start() - 1), _word(address, found.end())
        if after and not before:
            opened += len(found[0])
        elif before and not after:
            opened = max(0, opened - len(found[0]))
    return opened
