"""
Which instruments, drums and effects may be drawn. The held-out palette has other drums, rooms, tempos and drum patterns, and
other widths and ratios of pulses and FM; plain waveforms occur in both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth import Timbre

Range = tuple[float, float]


@dataclass(frozen=True)
class Palette:
    """Ranges are drawn from uniformly; frequencies on a logarithmic scale."""

    name: str
    bass_waves: tuple[str, ...]
    chord_waves: tuple[str, ...]
    lead_waves: tuple[str, ...]
    #: Ratios of FM's modulator, or widths of pulses.
    fm_ratios: tuple[float, ...]
    pulse_widths: Range
    kick_hz: tuple[Range, ...]
    snare_hz: tuple[Range, ...]
    hat_hz: tuple[Range, ...]
    tom_hz: tuple[Range, ...]
    patterns: tuple[str, ...]
    tempo: tuple[Range, ...]
    reverb_seconds: tuple[Range, ...]


TRAINING = Palette(
    name="training",
    bass_waves=("saw", "square", "sine", "triangle", "fm", "string"),
    chord_waves=("saw", "square", "pulse", "triangle", "organ", "fm", "string", "string", "bowed", "piano", "piano"),
    lead_waves=("saw", "square", "triangle", "sine", "fm", "string", "bowed", "pulse"),
    fm_ratios=(0.5, 1.0, 2.0, 3.0, 1.41, 7.0),
    pulse_widths=(0.1, 0.3),
    kick_hz=((38, 47), (52, 70)),
    snare_hz=((140, 185), (205, 260)),
    hat_hz=((3500, 6000), (7500, 10_500)),
    tom_hz=((70, 110), (130, 220)),
    patterns=("rock", "floor", "funk", "half", "random", "sixteen", "shuffle"),
    tempo=((70, 92), (98, 118), (124, 160)),
    reverb_seconds=((0.2, 0.8), (1.1, 2.4)),
)

HELD_OUT = Palette(
    name="held-out",
    bass_waves=("pulse", "fm", "organ", "string", "saw"),
    chord_waves=("pulse", "fm", "bowed", "string", "organ", "piano"),
    lead_waves=("pulse", "fm", "bowed", "organ"),
    fm_ratios=(1.5, 4.0, 5.0),
    pulse_widths=(0.34, 0.46),
    kick_hz=((47, 52),),
    snare_hz=((185, 205),),
    hat_hz=((6000, 7500),),
    tom_hz=((110, 130),),
    patterns=("boombap", "disco", "broken"),
    tempo=((92, 98), (118, 124)),
    reverb_seconds=((0.8, 1.1),),
)


def draw(ranges: tuple[Range, ...], rng: np.random.Generator) -> float:
    """From one of the ranges, logarithmically."""
    low, high = ranges[rng.integers(len(ranges))]
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def timbre(role: str, palette: Palette, rng: np.random.Generator) -> Timbre:
    """An instrument for `role`: bass, pad, chord or lead."""
    waves = {"bass": palette.bass_waves, "lead": palette.lead_waves}.get(role, palette.chord_waves)
    wave = waves[rng.integers(len(waves))]
    struck = wave in ("string", "piano") or (role in ("bass", "chord") and rng.uniform() < 0.5)
    shape = {
        "fm": float(palette.fm_ratios[rng.integers(len(palette.fm_ratios))]),
        "pulse": rng.uniform(*palette.pulse_widths),
    }.get(wave, rng.uniform(0.1, 0.9))
    cutoff = {"bass": ((250, 2500),), "pad": ((600, 5000),)}.get(role, ((1200, 12_000),))
    return Timbre(
        wave="bowed" if wave == "piano" else wave,
        attack=rng.uniform(0.15, 0.6) if role == "pad" and not struck else rng.uniform(0.002, 0.03),
        decay=rng.uniform(0.3, 1.2) if struck else rng.uniform(0.1, 0.8),
        sustain=rng.uniform(0, 0.15) if struck else rng.uniform(0.4, 0.9),
        release=rng.uniform(0.3, 0.8) if role == "pad" else rng.uniform(0.03, 0.25),
        cutoff_hz=draw(cutoff, rng),
        fading=rng.uniform(1.5, 6),
        detune=rng.uniform(5, 25) if role != "bass" and rng.uniform() < 0.5 else 0.0,
        vibrato_cents=rng.uniform(5, 40) if role == "lead" and rng.uniform() < 0.6 else 0.0,
        shape=shape,
    )
