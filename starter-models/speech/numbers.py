"""Numbers, dates, times and prices as one says them, in words."""

from __future__ import annotations

import numpy as np

from .vocabulary import draw

UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth"}


def cardinal(number: int) -> str:
    """0 … 999,999: `two hundred and forty six`."""
    if number < 20:
        return UNITS[number]
    if number < 100:
        return TENS[number // 10] + (f" {UNITS[number % 10]}" if number % 10 else "")
    if number < 1000:
        return f"{UNITS[number // 100]} hundred" + (f" and {cardinal(number % 100)}" if number % 100 else "")
    return f"{cardinal(number // 1000)} thousand" + (f" {cardinal(number % 1000)}" if number % 1000 else "")


def ordinal(number: int) -> str:
    *front, last = cardinal(number).split()
    return " ".join([*front, ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")])


def year(rng: np.random.Generator) -> str:
    value = int(rng.integers(1700, 2030))
    if 2000 <= value < 2010:
        return "two thousand" + (f" and {UNITS[value % 10]}" if value % 10 else "")
    century, rest = divmod(value, 100)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def date(rng: np.random.Generator) -> str:
    month, day = draw(rng, "month"), ordinal(int(rng.integers(1, 32)))
    forms = [f"{month} {day}", f"the {day} of {month}", f"{draw(rng, 'weekday')} the {day} of {month}"]
    return rng.choice(forms) + (f" {year(rng)}" if rng.random() < 0.3 else "")


def clock(rng: np.random.Generator) -> str:
    hour, minute = UNITS[int(rng.integers(1, 13))], int(rng.integers(1, 60))
    forms = [
        f"{hour} o'clock",
        f"half past {hour}",
        f"quarter {rng.choice(['to', 'past'])} {hour}",
        f"{hour} {'oh ' if minute < 10 else ''}{cardinal(minute)}",
        f"{cardinal(minute)} minutes {rng.choice(['to', 'past'])} {hour}",
    ]
    return rng.choice(forms) + rng.choice(["", "", " in the morning", " in the evening", " in the afternoon", " at night"])


def price(rng: np.random.Generator) -> str:
    unit, cents = rng.choice([("dollars", "cents"), ("pounds", "pence"), ("euros", "cents")])
    whole = f"{cardinal(any_number(rng) + 2)} {unit}"
    return whole + (f" and {cardinal(int(rng.integers(2, 100)))} {cents}" if rng.random() < 0.3 else "")


def digits(rng: np.random.Generator) -> str:
    return " ".join(rng.choice(UNITS[:10], int(rng.integers(3, 9))))


def any_number(rng: np.random.Generator) -> int:
    """Small ones are likelier, as in life."""
    return int(10 ** rng.uniform(0, rng.choice([2, 3, 5])))
