"""A vocal track of synthesised voices: sung to the piece's melody, or spoken in its rhythm."""

from __future__ import annotations

import numpy as np

from mixing import echo, level, pan, reverberate, room, tilt
from music import Piece, melody
from singing import sing, wideband
from synth import RATE


def vocal_track(piece: Piece, utterances: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """[2, length] of level 1; `utterances` are speech at 16 kHz, of one voice, used in turn."""
    lead = np.zeros(piece.length, dtype=np.float32)
    backing = np.zeros((2, piece.length), dtype=np.float32)
    spoken = rng.uniform() < 0.3
    doubled = rng.uniform() < 0.3
    formant, vibrato = rng.uniform(0.88, 1.15), rng.uniform(0, 70)
    centre = _midi_of(utterances[0]) + int(rng.integers(0, 10))
    notes = melody(piece, rng, around=centre, restless=rng.uniform(0.1, 0.7))
    for number, phrase in enumerate(_phrases(notes, rng)):
        speech = utterances[number % len(utterances)]
        start = phrase[0][0]
        if start >= piece.length:
            break
        if spoken:
            _add(lead, start, wideband(speech, rng))
            continue
        _add(lead, start, sing(speech, phrase, rng, vibrato, formant))
        if doubled:
            interval = (0.08, 3, 4, 7, -12)[rng.integers(5)]
            second = [(first, last, midi + interval) for first, last, midi in phrase]
            line = pan(sing(speech, second, rng, vibrato, formant * rng.uniform(0.95, 1.05)), rng.uniform(-0.8, 0.8))
            for channel in range(2):
                _add(backing[channel], start, rng.uniform(0.3, 0.6) * line[channel])
    stem = tilt(pan(_compressed(lead, rng.uniform(0, 0.6)), rng.normal(0, 0.1)) + backing, rng)
    if rng.uniform() < 0.3:
        stem = echo(stem, piece.step_seconds() * rng.integers(2, 6), rng.uniform(0.1, 0.35))
    stem = reverberate(stem, room(piece.palette, rng), rng.uniform(0, 0.4))
    return stem / max(level(stem), 1e-6)


def _phrases(notes: list[tuple[int, int, int]], rng: np.random.Generator) -> list[list[tuple[int, int, int]]]:
    """Notes for 1.5 to 4 s each, with rests between them."""
    phrases, current = [], []
    wanted = rng.uniform(1.5, 4) * RATE
    for each in notes:
        if current and each[1] - current[0][0] > wanted:
            phrases.append(current)
            rest = rng.uniform(0, 1.5) * RATE
            current, wanted, resume = [], rng.uniform(1.5, 4) * RATE, each[0] + rest
        elif phrases and not current and each[0] < resume:
            continue
        else:
            current.append(each)
    return phrases or [notes[:4]]


def _add(line: np.ndarray, start: int, sound: np.ndarray) -> None:
    room_left = len(line) - start
    if room_left > 0:
        line[start : start + len(sound)] += sound[:room_left]


def _compressed(line: np.ndarray, amount: float) -> np.ndarray:
    """Singers are recorded at an even loudness."""
    window = np.hanning(4411)
    loudness = np.sqrt(np.convolve(line[::8] ** 2, window[::8] / window[::8].sum(), mode="same")).repeat(8)[: len(line)]
    return line * (0.05 / np.maximum(loudness, 0.02)) ** amount


def _midi_of(speech: np.ndarray) -> int:
    """The note nearest to a voice's pitch, by autocorrelation of its loudest 50 ms."""
    size = 1024
    starts = range(0, max(1, len(speech) - size), 400)
    loudest = max(starts, key=lambda at: float((speech[at : at + size] ** 2).sum()))
    power = np.abs(np.fft.rfft(speech[loudest : loudest + size], 2 * size)) ** 2
    lags = np.fft.irfft(power)[50:220]
    return round(69 + 12 * np.log2(16_000 / (50 + int(lags.argmax())) / 440))
