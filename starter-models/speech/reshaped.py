"""Speakers that nobody recorded: speech taken apart into pitch, spectral envelope and breath, each changed by itself, and put together again.

By WORLD (M. Morise et al. 2016, package `pyworld`): pitch f0 [frames] in Hz, 0 where unvoiced; envelope [frames, bins] as power;
aperiodicity [frames, bins], the share of noise, 0 … 1. A frame is 5 ms, the bins go from 0 to 8 kHz.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .signal import SAMPLE_RATE

SEED = 47
COUNT = 800
FRAME_MS = 5.0
PITCH_LIMITS = (65.0, 330.0)  # Hz, of a speaker's mean
KNOTS = np.array([0, 400, 900, 1500, 2200, 3000, 4200, 5800, 8000], float)  # Hz
FLOOR = 1e-12


@dataclass(frozen=True)
class Shape:
    """How a speaker differs from the one that was recorded. Ratios, unless said otherwise."""

    pitch: float
    liveliness: float  # of the pitch's movements
    stretch: np.ndarray  # [knots], of the frequencies
    colour: np.ndarray  # [knots], dB
    contrast: float  # of the envelope's peaks and valleys: above 1, sharper formants
    breath: float  # exponent of the aperiodicity: below 1, more noise
    rate: float
    unsteady: float  # standard deviation of the rate's logarithm over time


def draw_shape(number: int) -> Shape:
    rng = np.random.default_rng([SEED, number])
    tract = rng.uniform(np.log(0.83), np.log(1.2))
    # Smaller people speak higher, by far not all.
    pitch = 1.8 * tract + rng.normal(0, 0.22)
    return Shape(
        pitch=float(np.exp(pitch)),
        liveliness=float(rng.uniform(0.4, 1.7)),
        stretch=np.exp(tract + rng.normal(0, 0.05, len(KNOTS))),
        colour=rng.normal(0, rng.uniform(1, 4), len(KNOTS)) + np.linspace(0, rng.uniform(-9, 7), len(KNOTS)),
        contrast=float(rng.uniform(0.8, 1.2)),
        breath=float(np.exp(rng.uniform(-0.9, 0.5))),
        rate=float(np.exp(rng.uniform(-0.2, 0.25))),
        unsteady=float(rng.uniform(0, 0.18)),
    )


def reshape(samples: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """float32 mono at 16 kHz [n] → [m], as said by the speaker of that number; `rng` draws what differs from one saying to the next."""
    import pyworld

    shape, audio = draw_shape(number), samples.astype(np.float64)
    coarse, times = pyworld.dio(audio, SAMPLE_RATE, frame_period=FRAME_MS, allowed_range=0.15)
    f0 = pyworld.stonemask(audio, coarse, times, SAMPLE_RATE)
    envelope = np.log(pyworld.cheaptrick(audio, f0, times, SAMPLE_RATE) + FLOOR)
    aperiodicity = pyworld.d4c(audio, f0, times, SAMPLE_RATE)

    at = frame_times(len(f0), shape, rng)
    f0 = move_pitch(f0, shape, rng)[at.round().astype(int)]
    envelope = colour(sharpen(warp(between(envelope, at), shape.stretch), shape.contrast), shape.colour)
    aperiodicity = np.clip(warp(between(aperiodicity, at), shape.stretch), 0, 1) ** shape.breath
    return pyworld.synthesize(f0, np.exp(envelope), aperiodicity, SAMPLE_RATE, FRAME_MS).astype(np.float32)


def frame_times(count: int, shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Of each new frame the place among the `count` old ones: the rate drifts within some 0.3 s."""
    drift = np.exp(np.interp(np.arange(count), np.arange(0, count + 60, 60), rng.normal(0, shape.unsteady, -(-(count + 60) // 60))))
    spoken_at = np.concatenate([[0], np.cumsum(drift / shape.rate)])[:-1]
    return np.interp(np.arange(0, spoken_at[-1]), spoken_at, np.arange(count))


def move_pitch(f0: np.ndarray, shape: Shape, rng: np.random.Generator) -> np.ndarray:
    voiced = f0 > 0
    if not voiced.any():
        return f0
    logs = np.log(f0[voiced])
    mean = np.log(np.clip(np.exp(logs.mean()) * shape.pitch, *PITCH_LIMITS))
    count = len(f0)
    drift = np.interp(np.arange(count), np.linspace(0, count, 6), rng.normal(0, 0.06, 6))[voiced]
    moved = np.zeros(count)
    moved[voiced] = np.clip(np.exp(mean + (logs - logs.mean()) * shape.liveliness + drift), 45, 500)
    return moved


def between(frames: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Frames [n, bins] at fractional places [m] → [m, bins]."""
    below = at.astype(int)
    above = np.minimum(below + 1, len(frames) - 1)
    share = (at - below)[:, None]
    return frames[below] * (1 - share) + frames[above] * share


def warp(frames: np.ndarray, stretch: np.ndarray) -> np.ndarray:
    """What was at a frequency is then at `stretch` times it, [frames, bins]."""
    bins = frames.shape[1]
    moved = np.maximum.accumulate(KNOTS * stretch)
    sources = np.interp(np.linspace(0, KNOTS[-1], bins), moved, KNOTS) / KNOTS[-1] * (bins - 1)
    return np.ascontiguousarray(between(frames.T, sources).T)


def sharpen(envelope: np.ndarray, contrast: float) -> np.ndarray:
    """Around a mean over some 1.2 kHz to each side."""
    bins = envelope.shape[1]
    half = bins * 3 // 20
    sums = np.cumsum(np.pad(envelope, ((0, 0), (half + 1, half)), mode="edge"), axis=1)
    smooth = (sums[:, 2 * half + 1 :] - sums[:, : -2 * half - 1]) / (2 * half + 1)
    return smooth + (envelope - smooth) * contrast


def colour(envelope: np.ndarray, decibels: np.ndarray) -> np.ndarray:
    frequencies = np.linspace(0, KNOTS[-1], envelope.shape[1])
    return envelope + np.interp(frequencies, KNOTS, decibels) * np.log(10) / 10
