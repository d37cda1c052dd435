"""What the detector is trained on: sentences with pauses between them, in noise, rooms and music, and scenes without speech."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from network import SAMPLE_RATE, WINDOW

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from speech.augment import augment, make_noise

SECONDS = 8
SAMPLES = SECONDS * SAMPLE_RATE // WINDOW * WINDOW
HOP = 160
QUIET = 10 ** (-32 / 20)
"""Of an utterance's loud frames, by which a frame counts as a pause."""
LONGEST_PAUSE = 20
"""Frames of 10 ms: pauses within words and between them are speech."""


def speech_mask(samples: np.ndarray) -> np.ndarray:
    """[n] → [n] bool: where somebody speaks, from how loud the clean utterance is."""
    count = len(samples) // HOP
    if count == 0:
        return np.zeros(len(samples), bool)
    levels = np.sqrt((samples[: count * HOP].reshape(count, HOP).astype(np.float64) ** 2).mean(axis=1))
    spoken = levels > QUIET * np.percentile(levels, 95)
    edges = np.flatnonzero(np.diff(np.concatenate([[True], spoken, [True]]).astype(int)))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if 0 < start and end < count and end - start <= LONGEST_PAUSE:
            spoken[start:end] = True
    return np.pad(np.repeat(spoken, HOP), (0, len(samples) - count * HOP))


def music(rng: np.random.Generator) -> np.ndarray:
    """[SAMPLES]: chords and melodies of decaying or held notes."""
    found = np.zeros(SAMPLES, np.float32)
    times = np.arange(SAMPLES) / SAMPLE_RATE
    for _ in range(int(rng.integers(4, 30))):
        start, length = rng.uniform(0, SECONDS), rng.uniform(0.1, 2.5)
        here = np.clip((times - start) / 0.01, 0, 1) * (times < start + length)
        if rng.random() < 0.7:
            here = here * np.exp(-np.clip(times - start, 0, None) * rng.uniform(0.5, 8))
        pitch = 440 * 2 ** (rng.integers(-30, 24) / 12)
        for overtone in range(1, int(rng.integers(2, 9))):
            if pitch * overtone < SAMPLE_RATE / 2:
                found += here * np.sin(2 * np.pi * pitch * overtone * times) * rng.uniform(0, 1 / overtone)
    return found / (np.abs(found).max() + 1e-6)


class Scenes:
    def __init__(self, utterances: list[np.ndarray], seed: int):
        """`utterances`: clean ones, float32 mono at 16 kHz, of any level."""
        self.utterances = utterances
        self.masks = [speech_mask(samples) for samples in utterances]
        self.rng = np.random.default_rng(seed)

    def scene(self) -> tuple[np.ndarray, np.ndarray]:
        """Samples [SAMPLES] float32 and [SAMPLES / 512] float32: the share of each window in which somebody speaks."""
        rng = self.rng
        samples = np.zeros(SAMPLES, np.float32)
        mask = np.zeros(SAMPLES, bool)
        if rng.random() < 0.85:
            at = int(rng.exponential(0.8) * SAMPLE_RATE)
            while at < SAMPLES:
                index = int(rng.integers(len(self.utterances)))
                spoken, said = self.utterances[index], self.masks[index]
                start = int(rng.integers(0, len(spoken) // 2)) if rng.random() < 0.2 else 0
                length = min(len(spoken) - start, SAMPLES - at)
                samples[at : at + length] += spoken[start : start + length] * 10 ** rng.uniform(-0.8, 0)
                mask[at : at + length] |= said[start : start + length]
                at += length + int(rng.exponential(0.7) * SAMPLE_RATE)
            samples = augment(samples, rng)[:SAMPLES]
        else:
            samples = make_noise(SAMPLES, rng) * 10 ** rng.uniform(-4, -0.5)
        level = float(np.sqrt(np.mean(samples**2))) + 1e-4
        if rng.random() < 0.2:
            samples = samples + music(rng) * level * 10 ** rng.uniform(-1.5, 0.1)
        if rng.random() < 0.2:
            samples = samples + make_noise(SAMPLES, rng) * 10 ** rng.uniform(-5, -2.5)
        peak = np.abs(samples).max()
        samples = samples / peak * 10 ** rng.uniform(-1.6, -0.02) if peak > 1e-6 else samples
        return samples.astype(np.float32), mask.reshape(-1, WINDOW).mean(axis=1).astype(np.float32)

    def batch(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        scenes = [self.scene() for _ in range(size)]
        return np.stack([samples for samples, _ in scenes]), np.stack([share for _, share in scenes])
