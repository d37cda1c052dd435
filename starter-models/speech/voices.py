"""The speakers: voices of three engines, the few natural ones also smaller and larger than life. Some are held out."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from . import accented, invented, reshaped
from .engines import run_espeak, run_festival, run_flite
from .signal import SAMPLE_RATE, resample, trim_silence

PEAK = 0.5


@dataclass(frozen=True)
class Voice:
    """`scale` moves pitch and formants together, as a larger (below 1) or smaller speaker's would be; `shape`, a number, makes another speaker of this one."""

    engine: str
    speaker: str
    scale: float = 1.0
    shape: int | None = None

    @property
    def name(self) -> str:
        """For file names: no two voices share one."""
        shape = f"-shape{self.shape}" if self.shape is not None else ""
        return f"{self.engine}-{self.speaker.replace('+', '-')}" + (f"-{self.scale:.2f}" if self.scale != 1 else "") + shape

    @property
    def kind(self) -> str:
        """What `choose_voice` has shares of: the engine, or `reshaped`."""
        return self.engine if self.shape is None or self.engine == "accented" else "reshaped"

    def say(self, text: str, rate: float = 1.0, pitch: float = 1.0) -> np.ndarray:
        """Samples [n], float32 mono at 16 kHz, peak 0.5, without the silence around. `pitch` moves formants too.

        Raises RuntimeError or subprocess errors where the engine fails.
        """
        factor = pitch * self.scale
        samples, sample_rate = self.run(text, rate / factor)
        scaled = resample(samples, round(len(samples) * SAMPLE_RATE / sample_rate / factor))
        spoken = trim_silence(scaled)
        if self.shape is not None:
            spoken = reshaped.reshape(spoken, self.shape, np.random.default_rng(zlib.crc32(text.encode())))
        return (spoken * (PEAK / max(float(np.abs(spoken).max(initial=0)), 1e-4))).astype(np.float32)

    def run(self, text: str, rate: float) -> tuple[np.ndarray, int]:
        if self.engine == "espeak":
            # Each its own tone, as the variants of one accent differ little in it.
            data = invented.data_folder() if self.speaker.split("+")[1] in invented.NAMES else None
            return run_espeak(self.speaker, text, rate, tone=30 + zlib.crc32(self.speaker.encode()) % 45, data=data)
        run = {"flite": run_flite, "festival": run_festival, "accented": accented.run_accented}[self.engine]
        return run(self.speaker, text, rate)


ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-gb-x-gbclan")
HELD_OUT_ACCENTS = ("en-us", "en-gb", "en-us-nyc", "en-gb-x-gbcwmd")
VARIANTS = (
    "m1 m2 m3 m4 m6 m7 m8 f1 f2 f3 f5 adam Alex Andrea Andy Annie antonio aunty belinda benjamin boris caleb Denis Diogo ed edward "
    "gene Gustave Henrique Hugo iven Jacky john klatt klatt2 klatt3 klatt5 Lee linda Marcelo Marco Mario max Michael michel "
    "miguel mike norbert pablo paul pedro quincy rob robert sandro shelby steph steph2 travis zac grandma grandpa"
).split()
HELD_OUT_VARIANTS = "m5 f4 Alicia david victor klatt4".split()
SCALES = (0.88, 0.94, 1.0, 1.07, 1.15)


def espeak(accents: tuple[str, ...], variants: list[str]) -> list[Voice]:
    return [Voice("espeak", f"{accent}+{variant}") for accent in accents for variant in variants]


def scaled(engine: str, *speakers: str) -> list[Voice]:
    return [Voice(engine, speaker, scale) for speaker in speakers for scale in SCALES]


TRAINING_VOICES: tuple[Voice, ...] = (
    *espeak(ACCENTS, VARIANTS),
    *scaled("flite", "kal", "kal16", "awb", "slt"),
    *scaled("festival", "kal_diphone", "cmu_us_slt_arctic_hts"),
)
"""372 of espeak-ng, 20 of flite, 10 of festival."""

INVENTED_VOICES: tuple[Voice, ...] = tuple(
    Voice("espeak", f"{ACCENTS[number % len(ACCENTS)]}+{name}") for number, name in enumerate(invented.NAMES)
)
"""For training too, where many speakers are wanted."""

RECORDED = (
    *(("flite", speaker) for speaker in ("slt", "awb", "kal16", "awb", "kal", "slt")),
    *(("festival", speaker) for speaker in ("kal_diphone", "cmu_us_slt_arctic_hts")),
)
"""Three people."""
RESHAPED_VOICES: tuple[Voice, ...] = tuple(
    Voice(*RECORDED[number % len(RECORDED)], shape=number) for number in range(reshaped.COUNT)
)
"""For training too: the natural voices with other pitches, vocal tracts, breath and speeds. They need `pyworld`."""

ACCENTED_VOICES: tuple[Voice, ...] = tuple(
    Voice("accented", speaker, shape=shape)
    for index, speaker in enumerate(accented.SPEAKERS)
    for shape in (None, *range(reshaped.COUNT + index, reshaped.COUNT + 320, len(accented.SPEAKERS)))
)
"""For training too: eight more people, of other languages, as they are and reshaped."""

HELD_OUT_VOICES: tuple[Voice, ...] = (
    *espeak(HELD_OUT_ACCENTS, HELD_OUT_VARIANTS),
    *scaled("flite", "rms"),
    *scaled("festival", "ked_diphone"),
)
"""No variant, and of flite and festival no speaker, is among the training's."""


def choose_voice(rng: np.random.Generator, voices: tuple[Voice, ...], shares: dict[str, float]) -> Voice:
    """`shares`: how often each kind is to speak; they need not add up to 1."""
    kinds = list(shares)
    odds = np.array([shares[kind] for kind in kinds])
    kind = kinds[rng.choice(len(kinds), p=odds / odds.sum())]
    candidates = [voice for voice in voices if voice.kind == kind]
    return candidates[int(rng.integers(len(candidates)))]
