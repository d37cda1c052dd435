"""What lies between a speaker and a file: room, noise, band, codec, level. All made, nothing recorded."""

from __future__ import annotations

import numpy as np

from .signal import SAMPLE_RATE, root_mean_square


def augment(samples: np.ndarray, rng: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """float32 mono at 16 kHz [n] → [n]; a fifth stays clean but for its level. `strength` 0 … 1 scales the odds."""
    if rng.random() < 0.8:
        for change, odds in ((room, 0.4), (band, 0.4), (noise, 0.6), (codec, 0.25)):
            if rng.random() < odds * strength:
                samples = change(samples, rng)
    return level(samples, rng)


def room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A few early reflections and a tail of decaying noise (60 dB in 0.1 … 0.8 s)."""
    decay = rng.uniform(0.1, 0.8)
    length = int(decay * SAMPLE_RATE)
    times = np.arange(length) / SAMPLE_RATE
    response = rng.standard_normal(length) * 10 ** (-3 * times / decay)
    response[: int(rng.uniform(0.002, 0.02) * SAMPLE_RATE)] = 0
    response *= 10 ** rng.uniform(-1.2, -0.2) / max(np.sqrt((response**2).sum()), 1e-6)
    for _ in range(int(rng.integers(1, 6))):
        response[int(rng.uniform(0, 0.03) * SAMPLE_RATE) % length] += rng.uniform(-0.4, 0.4)
    response[0] = 1
    return convolve(samples, response)


def noise(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """At 3 … 40 dB below the signal."""
    ratio = 10 ** (-rng.uniform(3, 40) / 20)
    added = make_noise(len(samples), rng)
    return (samples + added * (root_mean_square(samples) * ratio)).astype(np.float32)


def make_noise(length: int, rng: np.random.Generator) -> np.ndarray:
    """[length] of root mean square 1: noise of some colour, often swelling, sometimes with a hum or clicks."""
    size = -(-length // 2048) * 2048
    frequencies = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    spectrum = np.fft.rfft(rng.standard_normal(size)) * (frequencies + 20) ** -rng.uniform(0, 1.2)
    if rng.random() < 0.4:
        centre, width = rng.uniform(100, 5000), rng.uniform(100, 2000)
        spectrum = spectrum * (0.1 + 3 * np.exp(-(((frequencies - centre) / width) ** 2)))
    found = np.fft.irfft(spectrum, size)[:length]
    found /= root_mean_square(found) + 1e-9
    if rng.random() < 0.4:
        found *= np.interp(np.arange(length), np.linspace(0, length, 12), rng.uniform(0.1, 1.5, 12))
    if rng.random() < 0.25:
        base = rng.uniform(45, 130)
        times = np.arange(length) / SAMPLE_RATE
        for harmonic in range(1, 6):
            found += rng.uniform(0, 0.7) * np.sin(2 * np.pi * (base * harmonic * times + rng.random()))
    if rng.random() < 0.15:
        found[rng.integers(0, length, max(1, length // 8000))] += rng.uniform(-20, 20)
    return (found / (root_mean_square(found) + 1e-9)).astype(np.float32)


def band(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A microphone's curve, and often a narrower band: to a telephone's 300 … 3,400 Hz."""
    size = -(-len(samples) // 2048) * 2048
    frequencies = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    knots = np.array([0, 150, 400, 1000, 2200, 4000, 8000])
    gain = 10 ** (np.interp(frequencies, knots, rng.uniform(-7, 7, len(knots))) / 20)
    roll = rng.random()
    if roll < 0.3:
        gain = gain * (frequencies < rng.uniform(2800, 7500))
    elif roll < 0.45:
        gain = gain * (frequencies > rng.uniform(150, 350)) * (frequencies < rng.uniform(3200, 3900))
    return np.fft.irfft(np.fft.rfft(samples, size) * gain, size)[: len(samples)].astype(np.float32)


def codec(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """8-bit companding, clipping, or a lossy coder's holes: the weak bins of each 32 ms go."""
    roll = rng.random()
    peak = float(np.abs(samples).max(initial=1e-4))
    if roll < 0.25:
        scaled = samples / peak
        companded = np.sign(scaled) * np.log1p(255 * np.abs(scaled)) / np.log(256)
        coarse = np.round(companded * 127) / 127
        return (np.sign(coarse) * np.expm1(np.abs(coarse) * np.log(256)) / 255 * peak).astype(np.float32)
    if roll < 0.4:
        limit = peak * rng.uniform(0.3, 0.8)
        return np.clip(samples, -limit, limit)
    return drop_weak(samples, threshold=10 ** rng.uniform(-2.6, -1.5))


def drop_weak(samples: np.ndarray, threshold: float, size: int = 512) -> np.ndarray:
    hop = size // 2
    window = np.sqrt(np.hanning(size + 1)[:-1])
    padded = np.pad(samples, (hop, 2 * size - len(samples) % hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop] * window
    spectrum = np.fft.rfft(frames, axis=1)
    magnitude = np.abs(spectrum)
    spectrum[magnitude < threshold * magnitude.max(axis=1, keepdims=True)] = 0
    back = np.fft.irfft(spectrum, size, axis=1) * window
    found = np.zeros(len(padded))
    halves = back.reshape(len(back), 2, hop)
    found[: len(back) * hop] += halves[:, 0].reshape(-1)
    found[hop : (len(back) + 1) * hop] += halves[:, 1].reshape(-1)
    return found[hop : hop + len(samples)].astype(np.float32)


def level(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Peak at -30 … 0 dB of full scale."""
    peak = 10 ** (-rng.uniform(0, 30) / 20)
    return (samples * (peak / max(float(np.abs(samples).max(initial=0)), 1e-4))).astype(np.float32)


def convolve(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    size = -(-(len(samples) + len(response)) // 2048) * 2048
    product = np.fft.rfft(samples, size) * np.fft.rfft(response, size)
    return np.fft.irfft(product, size)[: len(samples)].astype(np.float32)
