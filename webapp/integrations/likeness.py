"""How alike two companies' names are, once what says only how a company is registered is taken away.

Nothing here knows a database.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz, process

from ..models import fold

# From so much alike on, in per cent, two names may be one company's: one letter missing or added in eight.
ALIKE = 85
# In a name shorter than this, one letter is too much of it: it is the same, or it is another.
SHORTEST = 6
# How many of equally alike names are looked for; there may be more than these.
MOST = 5

# Written at the end of a name, and in some countries at its beginning. Dots are gone by the time these are looked for.
_FORM_WORDS = """
    inc incorporated corp corporation co company companies llc llp lp lllp pllc pc ltd ltda limited plc cic lc
    gmbh mbh ggmbh ag kg kgaa ohg gbr ug eg ek ekfm ev se haftungsbeschrankt gesmbh
    sa sas sasu sarl sarlu sca scs snc eurl sci selarl sprl srl srls spa sapa sapi cv sl slu slne sau scrl asbl vzw
    bv bvba nv vof cvba ab hb as asa ans da ks aps is oy oyj ry tmi ehf hf ohf
    pty pte pvt bhd sdn jsc pjsc ojsc cjsc ooo zao oao pao ao тоо ооо ао зао оао пао ип
    sro spol zoo spzoo spj spk doo dd dooel ad ood eood kft zrt nyrt rt bt sia uab ou eesti mchj eireli epp
    kk gk yk tbk ptk fze fzco fzllc dmcc wll saoc
"""
_LEADING_FORM_WORDS = "ab oy pt cv uab sia as ооо ао пао ип тоо ooo zao oao sarl eurl sas"
_FORMS, _LEADING_FORMS = frozenset(_FORM_WORDS.split()), frozenset(_LEADING_FORM_WORDS.split())
# What joins forms, as in "& Co. KG" and "S.A. de C.V."; the first ones join other words, too, and matter nowhere.
_AND = frozenset({"and", "und", "et"})
_JOINING = _AND | {"y", "e", "i", "de", "og", "och", "ja"}
# Forms of several words, as they are once their dots are gone.
_LONG_FORMS = re.compile(r" (?:sp z oo|sa rl)$")
# Written without a space before or behind them. Folding has made 株 of ㈱ and the like.
_UNSPACED_FORMS = re.compile(
    r"株式会社|有限会社|合同会社|合資会社|合名会社|\((?:株|有|同|资|資|名|주|유)\)"
    r"|股份有限公司|有限责任公司|有限責任公司|有限公司|주식회사|유한회사"
)
_INITIAL_DOT = re.compile(r"(?<=\b\w)\.")
_APART = re.compile(r"[^\w]+|_")
# Accents of Latin, Greek and Cyrillic letters; voicing marks of Japanese ones make other letters and stay.
_ACCENTS = re.compile("[\u0300-\u036f]")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Alike:
    """A name that is alike: its place in what was compared with, and how much, in whole per cent."""

    index: int
    score: int


@lru_cache(maxsize=20_000)
def core(name: str) -> str:
    """The name without legal forms, punctuation, accents and case; empty where nothing else is in it.

    "Müller & Söhne GmbH & Co. KG" is "muller sohne", "株式会社コントソ" is "コントソ".
    """
    text = name.lower()
    if not text.isascii():
        text = _UNSPACED_FORMS.sub(" ", fold(name))
        text = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text)))
    text = _INITIAL_DOT.sub("", text.replace("&", " and ").replace("+", " and ").replace("'", "").replace("’", ""))
    words = _joined_initials(_APART.sub(" ", text).split())
    words = _LONG_FORMS.sub("", " ".join(words)).split()
    has_form = False
    while words and (words[-1] in _FORMS or (has_form and words[-1] in _JOINING)):
        has_form = True
        words.pop()
    while len(words) > 1 and words[0] in _LEADING_FORMS:
        words.pop(0)
    return " ".join(word for word in words if word not in _AND)


class Names:
    """Names that others are compared with, prepared once."""

    def __init__(self, names: Iterable[str]) -> None:
        # A name is alike only to those that have the same numbers: "Store 12" is not "Store 13", misspelt.
        self._groups: dict[tuple[str, ...], _Group] = defaultdict(_Group)
        for index, name in enumerate(names):
            stripped = core(name)
            if stripped:
                self._groups[_numbers(stripped)].add(index, stripped)

    def most_alike(self, name: str) -> list[Alike]:
        """Those that are most alike and equally so: none, one, or a tie, of which the first `MOST` are named."""
        stripped = core(name)
        group = self._groups.get(_numbers(stripped)) if stripped else None
        return group.most_alike(stripped) if group is not None else []


class _Group:
    def __init__(self) -> None:
        self._indices: list[int] = []
        self._cores: list[str] = []
        self._sorted: list[str] = []
        self._same: dict[str, list[int]] = defaultdict(list)

    def add(self, index: int, stripped: str) -> None:
        self._indices.append(index)
        self._cores.append(stripped)
        self._sorted.append(_in_order(stripped))
        self._same[stripped].append(index)

    def most_alike(self, stripped: str) -> list[Alike]:
        if stripped in self._same:
            return [Alike(index, 100) for index in self._same[stripped][:MOST]]
        if len(stripped) < SHORTEST:
            return []
        scores = _scores(stripped, self._cores)
        if " " in stripped:
            # Also whatever the order of its words.
            for place, score in _scores(_in_order(stripped), self._sorted).items():
                scores[place] = max(score, scores.get(place, 0.0))
        best = max(scores.values(), default=0.0)
        places = sorted(place for place, score in scores.items() if score == best)
        return [Alike(self._indices[place], int(best)) for place in places[:MOST]]


def _scores(text: str, choices: Sequence[str]) -> dict[int, float]:
    """The most alike of the choices that are alike at all: by their places, how much."""
    found = process.extract(text, choices, scorer=fuzz.ratio, processor=None, score_cutoff=ALIKE, limit=MOST)
    return {place: score for choice, score, place in found if len(choice) >= SHORTEST}


def _joined_initials(words: Sequence[str]) -> list[str]:
    """Letters that stand alone, put together: "s a r l" is "sarl"."""
    joined: list[str] = []
    was_alone = False
    for word in words:
        is_alone = len(word) == 1 and word.isascii() and word.isalpha()
        if is_alone and was_alone:
            joined[-1] += word
        else:
            joined.append(word)
        was_alone = is_alone
    return joined


def _in_order(stripped: str) -> str:
    return " ".join(sorted(stripped.split()))


def _numbers(stripped: str) -> tuple[str, ...]:
    return tuple(_DIGITS.findall(stripped))
