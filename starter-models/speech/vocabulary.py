"""The words of `words.txt` by part of speech, and their inflected forms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

WORDS = Path(__file__).with_name("words.txt")
CORE = Path(__file__).with_name("core.txt")
RARE = 0.06
"""How often a word may be any of the list."""
VOWELS = "aeiou"
PLURALS = {
    "child": "children", "man": "men", "woman": "women", "gentleman": "gentlemen", "foot": "feet", "tooth": "teeth",
    "mouse": "mice", "goose": "geese", "wife": "wives", "knife": "knives", "leaf": "leaves", "shelf": "shelves",
    "thief": "thieves", "wolf": "wolves", "calf": "calves", "loaf": "loaves", "life": "lives", "half": "halves",
    "sheep": "sheep", "deer": "deer", "fish": "fish", "salmon": "salmon", "trout": "trout", "series": "series",
    "person": "people", "people": "people", "scissors": "scissors", "potato": "potatoes", "tomato": "tomatoes",
    "hero": "heroes", "echo": "echoes", "stomach": "stomachs",
}  # fmt: skip
DOUBLING = {
    "admit", "beg", "drop", "fit", "grab", "permit", "plan", "prefer", "regret", "rub", "shop", "slip", "step", "stop", "wrap",
    "begin", "cut", "dig", "forget", "get", "hit", "let", "put", "run", "set", "shut", "sit", "spin", "split", "swim", "win",
}  # fmt: skip
COMPARABLE = set(
    "big bold brave bright broad cheap clean clear close cold cool dark deep dry dull easy faint fair fast fat fine firm "
    "fresh funny grand great happy hard heavy high hot huge kind large late light long loud low mild narrow near neat new "
    "nice old pale plain poor proud quick quiet rare rich ripe rough rude sad safe sharp short simple slight slim slow "
    "small smart smooth soft steep stiff strange strict strong sweet swift tall tender thick thin tight tiny tough ugly "
    "warm weak wet wide wild wise young early lovely lonely lucky busy dirty hungry healthy".split()
)


@dataclass(frozen=True)
class Verb:
    base: str
    past: str
    participle: str

    @property
    def third(self) -> str:
        """he ___"""
        return {"be": "is", "have": "has"}.get(self.base) or with_s(self.base)

    @property
    def ing(self) -> str:
        base = self.base
        if base in DOUBLING:
            return base + base[-1] + "ing"
        if base.endswith("ie"):
            return base[:-2] + "ying"
        if base.endswith("e") and base not in ("be", "see", "agree", "free"):
            return base[:-1] + "ing"
        return base + "ing"


@cache
def words(section: str) -> tuple[str, ...]:
    """A section's entries, each once. `living room` and `dining room` stand as two words of one entry."""
    return tuple(dict.fromkeys(sections()[section]))


@cache
def core(section: str) -> tuple[str, ...]:
    """The entries that are common; all of them where `core.txt` names none."""
    common = set(CORE.read_text().split())
    return tuple(entry for entry in words(section) if entry.split("/")[0] in common) or words(section)


def draw(rng: np.random.Generator, section: str) -> str:
    """An entry, mostly a common one."""
    entries = words(section) if rng.random() < RARE else core(section)
    return entries[int(rng.integers(len(entries)))]


@cache
def sections() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    section: list[str] = []
    for line in WORDS.read_text().splitlines():
        if line.startswith("#"):
            continue
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), [])
        else:
            section += line.replace("living room", "living_room").replace("dining room", "dining_room").split()
    return {name: [entry.replace("_", " ") for entry in entries] for name, entries in found.items()}


@cache
def to_verb(entry: str) -> Verb:
    base, *rest = entry.split("/")
    if rest:
        return Verb(base, *rest)
    if base.endswith("e"):
        past = base + "d"
    elif base.endswith("y") and base[-2] not in VOWELS:
        past = base[:-1] + "ied"
    else:
        past = base + (base[-1] if base in DOUBLING else "") + "ed"
    return Verb(base, past, past)


def with_s(word: str) -> str:
    if word.endswith("y") and word[-2] not in VOWELS:
        return word[:-1] + "ies"
    if word.endswith(("s", "x", "z", "ch", "sh")) or word in ("go", "do"):
        return word + "es"
    return word + "s"


def plural(noun: str) -> str:
    return PLURALS.get(noun) or with_s(noun)


def comparative(adjective: str, ending: str) -> str:
    """`ending` is `er` or `est`."""
    if adjective.endswith("y"):
        return adjective[:-1] + "i" + ending
    if adjective.endswith("e"):
        return adjective + ending[1:]
    doubled = adjective in ("big", "fat", "hot", "sad", "slim", "thin", "wet")
    return adjective + (adjective[-1] if doubled else "") + ending


def article(following: str) -> str:
    silent = following.startswith(("hour", "honest", "honor"))
    consonant = following.startswith(("uni", "use", "usu", "one", "eu"))
    return "an" if silent or (following[0] in "aeiou" and not consonant) else "a"
