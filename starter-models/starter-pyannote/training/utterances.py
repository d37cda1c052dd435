"""Utterances on disk: said once, in four rooms each, read by memory map.

`<folder>/audio.i16` holds int16 samples of all utterances in all rooms; `<folder>/index.json` where they lie, who says
them and when within them somebody speaks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import features as f

ROOMS = (0.0, 0.2, 0.4, 0.8)
"""Reverberation times in seconds; 0: none."""
FULL_SCALE = 32_767


@dataclass(frozen=True)
class Utterance:
    """`offset`: first sample of the first room's copy in the file, the other rooms' follow; `spans`: where speech is."""

    speaker: int
    offset: int
    samples: int
    spans: tuple[tuple[int, int], ...]


class Store:
    def __init__(self, folder: Path):
        index = json.loads((folder / "index.json").read_text())
        self.identities: list[str] = index["identities"]
        self.speakers = len(self.identities)
        self.kins = np.array(index["kins"])
        self.synthetic = self.kins == "espeak"
        self.pitches = np.log(index["pitches"])
        """Natural logarithms of Hz, [speakers]."""
        labels: list[str] = index["labels"]
        self.classes = sorted(set(labels))
        self.class_of = [self.classes.index(label) for label in labels]
        """A number for each speaker; those of one label share it."""
        self.audio = np.memmap(folder / "audio.i16", dtype="<i2", mode="r")
        self.utterances = [
            Utterance(u["speaker"], u["offset"], u["samples"], tuple(map(tuple, u["spans"]))) for u in index["utterances"]
        ]
        self.by_speaker: list[list[Utterance]] = [[] for _ in range(self.speakers)]
        for utterance in self.utterances:
            self.by_speaker[utterance.speaker].append(utterance)

    def samples(self, utterance: Utterance, room: int) -> np.ndarray:
        """[n] float32"""
        start = utterance.offset + room * utterance.samples
        return self.audio[start : start + utterance.samples].astype(np.float32) / FULL_SCALE


def speech_spans(samples: np.ndarray) -> list[tuple[int, int]]:
    """Where somebody speaks: 10 ms frames within 35 dB of the loud ones, pauses under 0.25 s included."""
    hop = f.SAMPLE_RATE // 100
    count = len(samples) // hop
    if count == 0:
        return []
    level = np.sqrt((samples[: count * hop].reshape(count, hop) ** 2).mean(axis=1))
    loud = level > np.percentile(level, 95) * 10 ** (-35 / 20)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int), [0]])))
    spans: list[tuple[int, int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        if spans and start - spans[-1][1] < 25:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return [(start * hop, end * hop) for start, end in spans if end - start >= 8]


def pitch_of(samples: np.ndarray) -> float:
    """The median in Hz; a guess where nothing is voiced."""
    import pyworld

    pitches = pyworld.dio(samples.astype(np.float64), f.SAMPLE_RATE)[0]
    voiced = pitches[pitches > 0]
    return float(np.median(voiced)) if len(voiced) else 120.0


def room_response(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A direct sound and noise that falls by 60 dB in `seconds`, the direct sound 0 to 10 dB stronger."""
    count = int(seconds * f.SAMPLE_RATE)
    tail = rng.normal(size=count) * 10 ** (-3 * np.arange(count) / count)
    tail[: int(rng.uniform(16, 80))] = 0
    tail *= 10 ** (-rng.uniform(0, 10) / 20) / np.sqrt((tail**2).sum())
    tail[0] = 1
    return tail.astype(np.float32)


def in_room(samples: np.ndarray, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """As long as it was and as loud."""
    if seconds == 0:
        return samples
    response = room_response(seconds, rng)
    size = 1 << (len(samples) + len(response)).bit_length()
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)[: len(samples)]
    return (wet * np.sqrt((samples**2).sum() / ((wet**2).sum() + 1e-9))).astype(np.float32)
