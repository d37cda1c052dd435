"""Notes of synthesised instruments, mono at 44.1 kHz: wavetables whose brightness fades, FM, plucked strings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RATE = 44_100
_TABLE = 2048


@dataclass(frozen=True)
class Timbre:
    """One instrument. Times in seconds; `cutoff_hz` is where its spectrum begins to fall at the loudest moment."""

    wave: str
    attack: float
    decay: float
    sustain: float
    release: float
    cutoff_hz: float
    #: How much darker it has become once it has decayed (cutoff divided by this).
    fading: float = 4.0
    #: Cents between two voices played together; 0: one voice.
    detune: float = 0.0
    vibrato_cents: float = 0.0
    #: Width of pulses, ratio of FM's modulator, damping of strings.
    shape: float = 0.3


def note(timbre: Timbre, hz: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """[n] float32, peak about 1; lasts `seconds` and the release."""
    count = int((seconds + timbre.release) * RATE)
    if timbre.wave == "string":
        return _string(timbre, hz, count, rng) * _envelope(timbre, seconds, count)
    time = np.arange(count) / RATE
    cents = timbre.vibrato_cents * np.sin(2 * np.pi * 5.5 * time + rng.uniform(0, 6)) * np.minimum(1, time / 0.4)
    steps = hz * 2 ** (cents / 1200) / RATE
    signal = np.zeros(count)
    spread = (-0.5, 0.5) if timbre.detune > 0 else (0.0,)
    for side in spread:
        phase = np.cumsum(steps * 2 ** (side * timbre.detune / 1200)) + rng.uniform()
        signal += _fm(timbre, phase, time) if timbre.wave == "fm" else _wavetable(timbre, hz, phase, time, rng)
    return (signal / len(spread) * _envelope(timbre, seconds, count)).astype(np.float32)


def noise_band(count: int, low_hz: float, high_hz: float, rng: np.random.Generator, order: int = 3) -> np.ndarray:
    """[count] noise between two frequencies, peak 1."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hz = np.fft.rfftfreq(count, 1 / RATE) + 1e-3
    shape = 1 / np.sqrt((1 + (low_hz / hz) ** (2 * order)) * (1 + (hz / high_hz) ** (2 * order)))
    signal = np.fft.irfft(spectrum * shape, count)
    return signal / (np.abs(signal).max() + 1e-9)


def harmonics(wave: str, shape: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """Amplitudes of the first `count` harmonics."""
    n = np.arange(1, count + 1)
    if wave == "saw":
        return 1 / n
    if wave == "square":
        return (n % 2) / n
    if wave == "pulse":
        return np.abs(np.sin(np.pi * n * shape)) / n
    if wave == "triangle":
        return (n % 2) / n**2
    if wave == "sine":
        return (n == 1) + 0.1 * shape * (n == 2)
    if wave == "organ":
        bars = np.zeros(count)
        for bar in (1, 2, 3, 4, 6, 8):
            if bar <= count:
                bars[bar - 1] = rng.uniform(0.1, 1)
        return bars
    if wave == "bowed":
        return (1 + 0.8 * np.sin(n * 7 * shape)) / n**0.9
    raise ValueError(f"no wave is called {wave}")


def _wavetable(timbre: Timbre, hz: float, phase: np.ndarray, time: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    count = max(1, min(200, int(18_000 / hz)))
    amplitudes = harmonics(timbre.wave, timbre.shape, count, rng)
    frequencies = hz * np.arange(1, count + 1)
    angles = rng.uniform(0, 2 * np.pi, count)

    def table(cutoff: float) -> np.ndarray:
        spectrum = np.zeros(_TABLE // 2 + 1, dtype=complex)
        spectrum[1 : count + 1] = amplitudes / (1 + (frequencies / cutoff) ** 4) ** 0.5 * np.exp(1j * angles)
        one = np.fft.irfft(spectrum, _TABLE)
        return one

    bright, dark = table(timbre.cutoff_hz), table(timbre.cutoff_hz / timbre.fading)
    scale = 1 / (np.abs(bright).max() + 1e-9)
    index = ((phase % 1) * _TABLE).astype(np.int64) % _TABLE
    share = np.exp(-time / max(0.05, timbre.decay))
    return scale * (bright[index] * share + dark[index] * (1 - share))


def _fm(timbre: Timbre, phase: np.ndarray, time: np.ndarray) -> np.ndarray:
    index = timbre.cutoff_hz / 2000 * (0.2 + 0.8 * np.exp(-time / max(0.05, timbre.decay)))
    return np.sin(2 * np.pi * phase + index * np.sin(2 * np.pi * phase * timbre.shape))


def _string(timbre: Timbre, hz: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """Karplus and Strong's plucked string, a period at a time."""
    period = max(2, int(RATE / hz))
    wanted = int(count * hz * period / RATE) + 2 * period
    wave = noise_band(period * 4, 40, timbre.cutoff_hz, rng)[:period]
    made = np.empty(wanted + period)
    damping = 0.5 - 0.45 * timbre.shape
    loss = 0.001 ** (1 / (hz * max(0.1, timbre.decay) * 4))
    last = 0.0
    for at in range(0, wanted, period):
        made[at : at + period] = wave
        before = np.concatenate([[last], wave[:-1]])
        last = wave[-1]
        wave = loss * ((1 - damping) * wave + damping * before)
    ratio = hz * period / RATE
    signal = np.interp(np.arange(count) * ratio, np.arange(len(made)), made)
    return (signal / (np.abs(signal).max() + 1e-9)).astype(np.float32)


def _envelope(timbre: Timbre, seconds: float, count: int) -> np.ndarray:
    """Attack, exponential decay towards the sustained level, release."""
    time = np.arange(count) / RATE
    held = timbre.sustain + (1 - timbre.sustain) * np.exp(-np.maximum(0, time - timbre.attack) / timbre.decay)
    level = np.minimum(1, time / max(1e-3, timbre.attack)) * held
    release = np.clip(1 - (time - seconds) / max(5e-3, timbre.release), 0, 1) ** 2
    return (level * np.where(time > seconds, release, 1)).astype(np.float32)
