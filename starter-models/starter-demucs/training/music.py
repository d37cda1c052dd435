"""A piece's tempo, key and chords, and what bass, chords and lead play over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drums import drum_track
from mixing import echo, level, pan, reverberate, room, tilt
from palette import Palette, draw, timbre
from synth import RATE, Timbre, note

SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10), "dorian": (0, 2, 3, 5, 7, 9, 10)}
#: Degrees of the scale, a chord for each bar.
PROGRESSIONS = ((0, 4, 5, 3), (0, 3, 4, 4), (5, 3, 0, 4), (0, 5, 3, 4), (1, 4, 0, 0), (0, 6, 5, 6), (0, 0, 3, 4), (0, 2, 3, 1))


@dataclass(frozen=True)
class Piece:
    """Times in samples at 44.1 kHz."""

    palette: Palette
    length: int
    #: Where the sixteenths begin; a bar has 16.
    steps: np.ndarray
    #: MIDI number of the key's first note, in the octave from 48.
    key: int
    scale: tuple[int, ...]
    #: Degree of each bar's chord.
    chords: tuple[int, ...]

    def pitch(self, degree: int, octave: int = 0) -> int:
        """MIDI number of a degree of the scale, 0 the key's first note; beyond 7 the next octave's."""
        return self.key + self.scale[degree % 7] + 12 * (degree // 7 + octave)

    def step_seconds(self) -> float:
        return float(self.steps[16] - self.steps[0]) / 16 / RATE


def hertz(midi: float) -> float:
    return 440.0 * 2 ** ((midi - 69) / 12)


def compose(palette: Palette, seconds: float, rng: np.random.Generator) -> Piece:
    """A piece that begins anywhere within its first bar."""
    tempo = draw(palette.tempo, rng)
    length = int(seconds * RATE)
    sixteenth = 60 / tempo / 4 * RATE
    swing = rng.uniform(0, 0.3) if rng.uniform() < 0.35 else 0.0
    count = int(length / sixteenth) + 48
    odd = np.arange(count) % 2
    steps = ((np.arange(count) + swing * odd) * sixteenth).astype(int)
    scale = SCALES[("major", "minor", "minor", "dorian")[rng.integers(4)]]
    chords = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
    return Piece(palette, length, steps, int(rng.integers(45, 57)), scale, chords * (count // 64 + 1))


def accompaniment(piece: Piece, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """drums, bass and other: [2, length] each, of level 1 or silent."""
    halls = [room(piece.palette, rng) for _ in range(2)]

    def finished(stem: np.ndarray, wet: float) -> np.ndarray:
        stem = tilt(stem, rng)
        if wet > 0.02:
            stem = reverberate(stem, halls[rng.integers(2)], wet)
        return stem / max(level(stem), 1e-6)

    drums = finished(drum_track(piece.palette, piece.steps, piece.length, rng), max(0, rng.uniform(-0.2, 0.3)))
    bass = finished(_bass(piece, rng), max(0, rng.uniform(-0.3, 0.1)))
    roles = ["chords", "pad", "arpeggio", "lead", "chords"]
    other = np.zeros((2, piece.length), dtype=np.float32)
    for role in rng.permutation(roles)[: rng.integers(1, 4)]:
        layer = _layer(str(role), piece, rng)
        if rng.uniform() < 0.25:
            layer = echo(layer, piece.step_seconds() * rng.integers(2, 5), rng.uniform(0.15, 0.5))
        other += 10 ** (rng.normal(0, 3) / 20) * finished(layer, rng.uniform(0, 0.5))
    return {"drums": drums, "bass": bass, "other": other / max(level(other), 1e-6)}


class _Player:
    """Plays one instrument's notes into [2, length]; equal notes are rendered twice at most."""

    def __init__(self, instrument: Timbre, length: int, position: float, width: float, rng: np.random.Generator):
        self.made = np.zeros((2, length), dtype=np.float32)
        self._instrument, self._rng = instrument, rng
        self._position, self._width = position, width
        self._rendered: dict[tuple[int, int, int], np.ndarray] = {}

    def play(self, start: int, midi: int, seconds: float, velocity: float) -> None:
        key = (midi, int(seconds * 50), int(self._rng.integers(2)))
        if key not in self._rendered:
            sound = note(self._instrument, hertz(midi), max(0.04, seconds), self._rng)
            side = np.clip(self._position + self._width * self._rng.uniform(-1, 1), -1, 1)
            self._rendered[key] = pan(sound, side)
        sound = self._rendered[key]
        start = max(0, start)
        room_left = self.made.shape[1] - start
        if room_left > 0:
            self.made[:, start : start + sound.shape[1]] += velocity * sound[:, :room_left]


def _bass(piece: Piece, rng: np.random.Generator) -> np.ndarray:
    player = _Player(timbre("bass", piece.palette, rng), piece.length, 0.0, 0.0, rng)
    style = ("eighths", "root", "walk", "syncopated", "octaves")[rng.integers(5)]
    rhythm = {
        "eighths": "x.x.x.x.x.x.x.x.",
        "root": "x...............",
        "walk": "x...x...x...x...",
        "syncopated": "x..x..x...x..x..",
        "octaves": "x.x.x.x.x.x.x.x.",
    }[style]
    shift = 0 if piece.key < 50 else -1
    length = rng.uniform(0.5, 1.0)
    for step, start in enumerate(piece.steps[:-16]):
        bar, at = divmod(step, 16)
        if rhythm[at] == ".":
            continue
        gap = (rhythm + "x").index("x", at + 1) - at
        degree = piece.chords[bar]
        if style == "walk" and at:
            degree += (0, 2, 4, 6)[rng.integers(4)]
        elif rng.uniform() < 0.12:
            degree += 4
        up = 1 if style == "octaves" and at % 4 == 2 else 0
        midi = piece.pitch(degree, shift - 1 + up)
        midi = midi + 12 if midi < 26 else midi
        player.play(int(start), midi, gap * piece.step_seconds() * length, rng.uniform(0.75, 1))
    return player.made


def _layer(role: str, piece: Piece, rng: np.random.Generator) -> np.ndarray:
    kind = {"pad": "pad", "lead": "lead"}.get(role, "chord")
    player = _Player(timbre(kind, piece.palette, rng), piece.length, rng.uniform(-0.7, 0.7), rng.uniform(0, 0.5), rng)
    {"pad": _pad, "lead": _lead, "arpeggio": _arpeggio, "chords": _comp}[role](piece, player, rng)
    return player.made


def _voicing(piece: Piece, bar: int, rng: np.random.Generator) -> list[int]:
    degrees = [0, 2, 4, 6][: 3 + int(rng.uniform() < 0.3)]
    notes = [piece.pitch(piece.chords[bar] + degree) for degree in degrees]
    return [midi - 12 if midi > 72 else midi for midi in notes]


def _pad(piece: Piece, player: _Player, rng: np.random.Generator) -> None:
    up = 12 * rng.integers(0, 2)
    for bar in range(len(piece.steps) // 16 - 1):
        for midi in _voicing(piece, bar, rng):
            player.play(int(piece.steps[16 * bar]), int(midi + up), 16 * piece.step_seconds(), rng.uniform(0.6, 1))


def _comp(piece: Piece, player: _Player, rng: np.random.Generator) -> None:
    rhythm = ("x.......x.......", "x...x...x...x...", "..x...x...x...x.", "x..x..x.x..x..x.", "x.xxx.xxx.xxx.xx")[rng.integers(5)]
    strum = rng.uniform(0, 0.02) * RATE
    held = rng.uniform(0.4, 1.1)
    for bar in range(len(piece.steps) // 16 - 1):
        voicing = _voicing(piece, bar, rng)
        for at in range(16):
            if rhythm[at] == "x":
                gap = (rhythm + "x").index("x", at + 1) - at
                for i, midi in enumerate(voicing):
                    start = int(piece.steps[16 * bar + at] + i * strum)
                    player.play(start, midi, gap * held * piece.step_seconds(), rng.uniform(0.6, 1))


def _arpeggio(piece: Piece, player: _Player, rng: np.random.Generator) -> None:
    every = (1, 2, 2, 4)[rng.integers(4)]
    up = 12 * rng.integers(0, 2)
    order = rng.permutation(4)
    for step in range(0, len(piece.steps) - 16, every):
        bar, at = divmod(step, 16)
        degree = piece.chords[bar] + (0, 2, 4, 7)[order[(at // every) % 4]]
        player.play(int(piece.steps[step]), int(piece.pitch(degree) + up), every * piece.step_seconds(), rng.uniform(0.6, 1))


def _lead(piece: Piece, player: _Player, rng: np.random.Generator) -> None:
    for start, end, midi in melody(piece, rng, around=piece.key + 19, restless=0.5):
        player.play(start, midi, (end - start) / RATE, rng.uniform(0.7, 1))


def melody(piece: Piece, rng: np.random.Generator, around: int, restless: float) -> list[tuple[int, int, int]]:
    """(first sample, last sample, MIDI) of notes within a tenth of `around`; `restless` in 0…1 shortens them."""
    notes, step = [], int(rng.integers(0, 8))
    degree = min(range(-14, 21), key=lambda each: abs(piece.pitch(each) - around))
    home = degree
    while step < len(piece.steps) - 17:
        lengths = (1, 2, 3, 4, 6, 8)
        weights = np.array([restless, 2, 1, 2, 1 - restless, 1 - restless]) + 1e-3
        length = int(rng.choice(lengths, p=weights / weights.sum()))
        end = min(step + length, len(piece.steps) - 1)
        if rng.uniform() > 0.15:
            notes.append((int(piece.steps[step]), int(piece.steps[end]), piece.pitch(degree)))
        degree += int(rng.choice([-3, -2, -1, 0, 1, 2, 3], p=[0.06, 0.14, 0.25, 0.1, 0.25, 0.14, 0.06]))
        degree = home + int(np.clip(degree - home, -4, 4))
        step = end
    return notes
