"""English sentences from a grammar: commands, numbers, dates, read and everyday speech, and loose runs of words."""

from __future__ import annotations

import re

import numpy as np

from . import numbers
from .vocabulary import COMPARABLE, Verb, article, comparative, draw, plural, to_verb

PRONOUNS = ["I", "you", "he", "she", "it", "we", "they"]
OBJECTS = ["me", "you", "him", "her", "it", "us", "them"]
POSSESSIVES = ["my", "your", "his", "her", "its", "our", "their"]
TITLES = ["Mr.", "Mrs.", "Miss", "Dr."]
MODALS = ["can", "could", "will", "would", "should", "must", "may", "might", "shall", "ought to", "used to"]
DETERMINERS = ["this", "that", "every", "each", "another", "some", "any", "no", "one", "either", "neither", "what"]
MANY = ["these", "those", "some", "many", "few", "several", "all the", "most", "both", "other", "such", "more", "the same"]
CONJUNCTIONS = ["and", "but", "so", "because", "when", "while", "if", "although", "before", "after", "until", "since", "as", "for", "or", "unless", "whether", "though"]  # fmt: skip
QUESTIONS = ["what", "why", "when", "where", "how", "who", "which one"]
OPENERS = ["Well", "Yes", "No", "Oh", "Of course", "Now", "Then", "And so", "At last", "In fact", "Please", "Hello", "Good morning", "Thank you", "I am sorry", "Excuse me"]  # fmt: skip
FREQUENCIES = ["every day", "once a week", "all day long", "for a long time", "a long time ago", "last year", "last night", "next week", "this morning", "at once", "in the end", "at the same time", "the other day", "for the first time", "more and more", "from time to time", "again and again"]  # fmt: skip


def sentence(rng: np.random.Generator) -> str:
    """One utterance of 1 … 25 words in its written form; numbers are words."""
    kinds, odds = zip(*KINDS)
    text = kinds[rng.choice(len(kinds), p=np.array(odds) / sum(odds))](rng)
    return finish(text)


def finish(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip()
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".?" else text + "."


def pick(rng: np.random.Generator, options: list[str] | tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def verb(rng: np.random.Generator, section: str = "verb") -> Verb:
    return to_verb(draw(rng, section))


def noun(rng: np.random.Generator) -> str:
    return draw(rng, "noun")


def adjective(rng: np.random.Generator) -> str:
    found = draw(rng, "adjective")
    if found in COMPARABLE and rng.random() < 0.15:
        return comparative(found, pick(rng, ["er", "est"]))
    return f"very {found}" if rng.random() < 0.04 else found


def person(rng: np.random.Generator) -> str:
    title = f"{pick(rng, TITLES)} {draw(rng, 'surname')}"
    return pick(rng, [draw(rng, "name"), title, f"{draw(rng, 'name')} {draw(rng, 'surname')}"])


def singular(rng: np.random.Generator) -> str:
    described = f"{adjective(rng)} {noun(rng)}" if rng.random() < 0.5 else noun(rng)
    determiner = pick(rng, ["the", "the", "the", "a", "a", pick(rng, POSSESSIVES), pick(rng, DETERMINERS)])
    return f"{article(described) if determiner == 'a' else determiner} {described}"


def several(rng: np.random.Generator) -> str:
    count = numbers.cardinal(numbers.any_number(rng) + 2)
    determiner = pick(rng, ["the", "the", "", pick(rng, MANY), pick(rng, POSSESSIVES), count])
    described = f"{adjective(rng)} " if rng.random() < 0.4 else ""
    who = plural(noun(rng)) if rng.random() < 0.85 else draw(rng, "people")
    return f"{determiner} {described}{who}"


def thing(rng: np.random.Generator, depth: int = 0) -> str:
    """What may follow a verb or a preposition."""
    roll = rng.random()
    if roll < 0.42:
        found = singular(rng)
    elif roll < 0.64:
        found = several(rng)
    elif roll < 0.74:
        found = f"{adjective(rng)} {draw(rng, 'mass')}" if rng.random() < 0.3 else draw(rng, "mass")
    elif roll < 0.84:
        return pick(rng, OBJECTS)
    elif roll < 0.91:
        return person(rng)
    elif roll < 0.94:
        return draw(rng, "place")
    elif roll < 0.97:
        return verb(rng).ing
    else:
        return pick(rng, ["something", "nothing", "everything", "anything", "someone", "everyone", "nobody", "somebody", "myself", "himself", "herself", "themselves"])  # fmt: skip
    if depth < 1 and rng.random() < 0.2:
        found += f" of {thing(rng, depth + 1)}"
    return found


def subject(rng: np.random.Generator) -> tuple[str, bool, bool]:
    """Text, whether it takes `has`, whether it is `I`."""
    roll = rng.random()
    if roll < 0.4:
        found = pick(rng, PRONOUNS)
        return found, found in ("he", "she", "it"), found == "I"
    if roll < 0.65:
        return singular(rng), True, False
    if roll < 0.8:
        return several(rng), False, False
    if roll < 0.92:
        return person(rng), True, False
    return pick(rng, ["this", "that", "everyone", "nobody", "there", "who", "someone", "something"]), True, False


def place(rng: np.random.Generator) -> str:
    return f"{draw(rng, 'preposition')} {thing(rng)}"


def predicate(rng: np.random.Generator, third: bool, first: bool) -> str:
    negated = rng.random() < 0.12
    be = "am" if first else "is" if third else "are"
    was = "was" if third or first else "were"
    action = verb(rng)
    forms = [
        lambda: f"{(f'does not {action.base}' if third else f'do not {action.base}') if negated else action.third if third else action.base} {thing(rng)}",
        lambda: f"did not {action.base} {thing(rng)}" if negated else f"{action.past} {thing(rng)}",
        lambda: f"{action.past} {thing(rng)}",
        lambda: f"{pick(rng, MODALS)} {'not ' if negated else ''}{action.base} {thing(rng)}",
        lambda: f"{pick(rng, [be, was])} {'not ' if negated else ''}{adjective(rng)}",
        lambda: f"{pick(rng, [be, was])} {thing(rng)}",
        lambda: f"{pick(rng, [be, was])} {action.ing} {thing(rng)}",
        lambda: f"{pick(rng, [was, be, 'had been', 'will be', 'has been' if third else 'have been'])} {action.participle} {place(rng)}",
        lambda: f"{'has' if third else 'have'} {pick(rng, ['', 'never ', 'already ', 'just ', 'not '])}{action.participle} {thing(rng)}",
        lambda: f"had {action.participle} {thing(rng)}",
        lambda: f"{verb(rng, 'intransitive').past} {place(rng)}",
        lambda: f"{pick(rng, [was, be])} {place(rng)}",
        lambda: f"{verb(rng, 'intransitive').past} {draw(rng, 'adverb')}",
        lambda: f"{pick(rng, ['wanted to', 'began to', 'tried to', 'had to', 'seemed to', 'is going to', 'likes to', 'decided to', 'was able to'])} {action.base} {thing(rng)}",
    ]
    return forms[int(rng.integers(len(forms)))]()


def clause(rng: np.random.Generator) -> str:
    who, third, first = subject(rng)
    text = f"{who} {draw(rng, 'adverb') + ' ' if rng.random() < 0.06 else ''}{predicate(rng, third, first)}"
    if rng.random() < 0.3:
        text += f" {place(rng)}"
    if rng.random() < 0.12:
        text += f" {draw(rng, 'adverb')}"
    elif rng.random() < 0.07:
        text += f" {pick(rng, FREQUENCIES)}"
    return text


def read_speech(rng: np.random.Generator) -> str:
    return clause(rng)


def joined(rng: np.random.Generator) -> str:
    word = pick(rng, CONJUNCTIONS)
    if rng.random() < 0.25:
        return f"{word} {clause(rng)}, {clause(rng)}"
    return f"{clause(rng)}{',' if rng.random() < 0.5 else ''} {word} {clause(rng)}"


def opened(rng: np.random.Generator) -> str:
    opener = pick(rng, [pick(rng, OPENERS), place(rng), f"my {pick(rng, ['dear', 'good', 'fellow', 'old'])} {draw(rng, 'people')}"])
    return f"{opener}, {clause(rng)}"


def question(rng: np.random.Generator) -> str:
    who = pick(rng, [pick(rng, PRONOUNS), several(rng), singular(rng)])
    action = verb(rng)
    forms = [
        f"{pick(rng, QUESTIONS)} did {who} {action.base} {thing(rng)}?",
        f"do you {action.base} {thing(rng)}?",
        f"{pick(rng, MODALS[:8])} {who} {action.base} {thing(rng)}?",
        f"{pick(rng, QUESTIONS)} {pick(rng, ['is', 'was'])} {singular(rng)}?",
        f"how {pick(rng, ['many', 'much', 'old', 'far', 'long', 'big', 'often'])} {pick(rng, ['are', 'were', 'is', 'was'])} {thing(rng)}?",
        f"have you {pick(rng, ['', 'ever ', 'already '])}{action.participle} {thing(rng)}?",
        f"what can {who} do for {thing(rng)}?",
    ]
    return pick(rng, forms)


def imperative(rng: np.random.Generator) -> str:
    action = verb(rng).base
    forms = [
        f"{action} {thing(rng)}",
        f"{action} {thing(rng)} {place(rng)}",
        f"do not {action} {thing(rng)}",
        f"never {action} {thing(rng)} {place(rng)}",
        f"ask not what {clause(rng)}",
        f"{action} {thing(rng)} when {clause(rng)}",
        f"let us {action} {thing(rng)}",
        f"please {action} {thing(rng)}",
    ]
    return pick(rng, forms)


def command(rng: np.random.Generator) -> str:
    device, room = draw(rng, "device"), draw(rng, "room")
    count = numbers.cardinal(int(rng.integers(1, 100)))
    forms = [
        f"turn {pick(rng, ['on', 'off', 'up', 'down'])} the {device} in the {room}",
        f"switch the {device} {pick(rng, ['on', 'off'])}",
        f"open the {device}",
        f"close the {device}, please",
        f"set the {device} to {count} {pick(rng, ['percent', 'degrees', 'minutes', 'hours', 'seconds'])}",
        f"set an alarm for {numbers.clock(rng)}",
        f"wake me up at {numbers.clock(rng)}",
        f"set a timer for {count} minutes",
        f"remind me to {verb(rng).base} {thing(rng)} on {draw(rng, 'weekday')}",
        f"call {person(rng)}",
        f"send a message to {person(rng)}",
        f"play some music by {person(rng)}",
        f"add {several(rng)} to the shopping list",
        f"what is the weather like in {draw(rng, 'place')} {pick(rng, ['today', 'tomorrow', 'on ' + draw(rng, 'weekday')])}?",
        f"{pick(rng, ['start', 'stop', 'pause', 'resume', 'save', 'delete', 'cancel'])} the {pick(rng, ['recording', 'music', 'video', 'timer', 'alarm', 'message', 'game'])}",
        f"how do you say {noun(rng)} in {draw(rng, 'language')}?",
        f"make the {device} {pick(rng, ['brighter', 'louder', 'quieter', 'warmer', 'darker', 'faster', 'slower'])}",
        f"book a table for {numbers.cardinal(int(rng.integers(2, 13)))} people at {numbers.clock(rng)}",
    ]
    return pick(rng, forms)


def counted(rng: np.random.Generator) -> str:
    number = numbers.cardinal(numbers.any_number(rng) + 2)
    forms = [
        f"the meeting is on {numbers.date(rng)} at {numbers.clock(rng)}",
        f"my birthday is {numbers.date(rng)}",
        f"the {pick(rng, ['train', 'bus', 'plane', 'ship', 'film', 'concert', 'lesson'])} {pick(rng, ['leaves', 'arrives', 'starts', 'begins', 'ends'])} at {numbers.clock(rng)}",
        f"that costs {numbers.price(rng)}",
        f"{singular(rng)} costs {numbers.price(rng)}",
        f"the number is {numbers.digits(rng)}",
        f"call me at {numbers.digits(rng)}",
        f"{number} {plural(noun(rng))} were {verb(rng).participle} in {numbers.year(rng)}",
        f"{person(rng)} was born in {numbers.year(rng)}",
        f"it is {numbers.clock(rng)}",
        f"there are {number} {plural(noun(rng))} {place(rng)}",
        f"add {number} and {numbers.cardinal(numbers.any_number(rng))}",
        f"{number} {pick(rng, ['plus', 'minus', 'times', 'divided by'])} {numbers.cardinal(numbers.any_number(rng))} is {numbers.cardinal(numbers.any_number(rng))}",
        f"chapter {numbers.cardinal(int(rng.integers(1, 60)))}",
        f"we drove {number} {pick(rng, ['miles', 'kilometers', 'meters', 'feet'])} to {draw(rng, 'place')}",
        f"{pick(rng, ['it is', 'it was'])} {numbers.cardinal(int(rng.integers(1, 110)))} degrees {place(rng)}",
        f"the {numbers.ordinal(int(rng.integers(1, 40)))} {noun(rng)} of the {noun(rng)}",
        number,
        numbers.digits(rng),
        numbers.date(rng),
    ]
    return pick(rng, forms)


def everyday(rng: np.random.Generator) -> str:
    friend, day = draw(rng, "name"), draw(rng, "weekday")
    hobby = draw(rng, "activity")
    forms = [
        f"hello, my name is {person(rng)}",
        f"how are you today, {friend}?",
        "I am fine, thank you, and you?",
        f"nice to meet you, {friend}",
        f"do you like {hobby}?",
        f"I like {hobby}, but {friend} likes {draw(rng, 'activity')}",
        f"we went {hobby} on {day}",
        f"see you on {day}",
        f"I would like {singular(rng)} and {singular(rng)}, please",
        f"can you tell me the way to the {noun(rng)}?",
        f"where is the nearest {noun(rng)}?",
        f"I have not seen {friend} since {day}",
        f"we are going to {draw(rng, 'place')} in {draw(rng, 'month')}",
        f"do you speak {draw(rng, 'language')}?",
        f"I live in {draw(rng, 'place')} with {pick(rng, POSSESSIVES)} {noun(rng)}",
        f"could you repeat that, please?",
        f"I am afraid that {clause(rng)}",
        f"I think that {clause(rng)}",
        f"he said that {clause(rng)}",
        f"we are glad to {verb(rng).base} {thing(rng)}",
        f"it is {adjective(rng)} to {verb(rng).base} {thing(rng)}",
        f"there {pick(rng, ['is', 'was'])} {singular(rng)} {place(rng)}",
        f"{singular(rng)} is {pick(rng, ['better', 'worse', 'more important', 'bigger', 'older'])} than {singular(rng)}",
        f"the {adjective(rng)} {noun(rng)} and the {adjective(rng)} {noun(rng)} {verb(rng).past} {thing(rng)}",
        f"{friend} and I {verb(rng).past} {thing(rng)} {pick(rng, FREQUENCIES)}",
    ]
    return pick(rng, forms)


def loose(rng: np.random.Generator) -> str:
    """Words that do not follow each other in any grammar: for these the decoder has to listen."""
    return " ".join(any_word(rng) for _ in range(int(rng.integers(2, 12))))


def any_word(rng: np.random.Generator) -> str:
    roll, action = rng.random(), verb(rng)
    if roll < 0.2:
        return pick(rng, ["the", "a", "and", "of", "to", "in", "that", "is", "it", "for", "as", "with", "on", "at", "by", "from", "or", "not", "what", "which", "when", "there", "their", "we", "you", "he", "she", "his", "her", "but", "all", "so", "if", "than", "then", "who", "whom", "whose", "me", "do", "does", "was", "were", "been", "had", "has", "have", "be", "are", "this", "these", "those", "much", "such", "only", "ourselves", "yourself"])  # fmt: skip
    if roll < 0.45:
        return noun(rng)
    if roll < 0.52:
        return plural(noun(rng))
    if roll < 0.64:
        return adjective(rng)
    if roll < 0.8:
        return pick(rng, [action.base, action.third, action.past, action.participle, action.ing])
    if roll < 0.86:
        return draw(rng, "adverb")
    if roll < 0.92:
        return draw(rng, "preposition")
    return pick(rng, [draw(rng, "name"), draw(rng, "surname"), draw(rng, "place"), draw(rng, "month"), draw(rng, "weekday")])  # fmt: skip


KINDS = [
    (read_speech, 4), (joined, 2), (opened, 1), (question, 2), (imperative, 2), (command, 5), (counted, 5), (everyday, 4), (loose, 2),
]  # fmt: skip
