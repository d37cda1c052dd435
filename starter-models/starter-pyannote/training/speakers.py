"""The speakers of each part: voices of the speech package, many of them also larger or smaller than they are."""

from __future__ import annotations

import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from speech.voices import ACCENTED_VOICES, HELD_OUT_VOICES, INVENTED_VOICES, RESHAPED_VOICES, TRAINING_VOICES, Voice

DEVELOPMENT_SHARE = 9
"""Every ninth of espeak-ng's training variants is kept for development, in all its accents."""
NATURAL_EACH = 5
"""Utterances of a recorded voice as it is for one of another, which there are many more of."""
PEOPLE = {"kal16": "kal", "kal_diphone": "kal", "cmu_us_slt_arctic_hts": "slt"}
"""Who was recorded more than once."""


@dataclass(frozen=True)
class Speaker:
    """`scale` multiplies pitch and formants."""

    voice: Voice
    scale: float = 1.0

    @property
    def kin(self) -> str:
        """Whose voice it was made of: a person, or espeak-ng."""
        return "espeak" if self.voice.engine == "espeak" else PEOPLE.get(self.voice.speaker, self.voice.speaker)

    @property
    def identity(self) -> str:
        """Speakers of the same differ in accent or size only: no conversation has two of them."""
        return self.variant if self.kin == "espeak" else f"{self.kin}{self.shape}"

    @property
    def label(self) -> str:
        """What the networks learn to tell apart: not the accent and the tone that goes with it."""
        return f"{self.variant}{self.shape} {self.voice.scale * self.scale:.2f}"

    @property
    def variant(self) -> str:
        return self.voice.speaker.split("+")[-1]

    @property
    def shape(self) -> str:
        return "" if self.voice.shape is None else f" {self.voice.shape}"

    @property
    def weight(self) -> int:
        """How many utterances are made, relative to others."""
        return 1 if self.voice.engine == "espeak" or self.voice.shape is not None else NATURAL_EACH

    def say(self, text: str, rng: np.random.Generator) -> np.ndarray:
        """Samples of 16 kHz; the rate and, a little, the pitch differ from time to time."""
        return self.voice.say(text, rate=float(np.exp(rng.normal(0, 0.12))), pitch=self.scale * float(np.exp(rng.normal(0, 0.012))))


def is_development(voice: Voice) -> bool:
    variants = sorted({other.speaker.split("+")[1] for other in TRAINING_VOICES if other.engine == "espeak"})
    return voice.speaker.split("+")[-1] in variants[::DEVELOPMENT_SHARE]


def in_two_sizes(voice: Voice) -> list[Speaker]:
    """The recorded voices have their sizes already."""
    if voice.engine != "espeak":
        return [Speaker(voice)]
    rng = np.random.default_rng(zlib.crc32(voice.speaker.encode()))
    return [Speaker(voice), Speaker(voice, float(rng.choice([0.84, 0.89, 0.93, 1.08, 1.13, 1.19])))]


def speakers_of(part: str) -> list[Speaker]:
    """`training`, `development` (of neither other part) or `heldout`."""
    if part == "heldout":
        return [Speaker(voice) for voice in HELD_OUT_VOICES]
    if part == "development":
        return [Speaker(voice) for voice in TRAINING_VOICES if is_development(voice)]
    voices = (*TRAINING_VOICES, *INVENTED_VOICES, *RESHAPED_VOICES, *ACCENTED_VOICES)
    return [speaker for voice in voices if not is_development(voice) for speaker in in_two_sizes(voice)]
