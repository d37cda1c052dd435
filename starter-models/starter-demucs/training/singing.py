"""Synthesised speech made to sing: its spectral envelope over time, excited by a melody's harmonics and by noise."""

from __future__ import annotations

import numpy as np

from synth import RATE

_VOICE_RATE = 16_000
_HOP = 80  # 5 ms at 16 kHz
_SIZE = 512
_OUT_HOP = RATE // 200  # the same 5 ms
_OUT_SIZE = 1024


def wideband(speech: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[n] at 16 kHz → 44.1 kHz; what speech has above 8 kHz is made from noise that follows 4 to 8 kHz."""
    count = int(len(speech) * RATE / _VOICE_RATE)
    spectrum = np.fft.rfft(speech)
    wide = np.zeros(count // 2 + 1, dtype=complex)
    kept = min(len(spectrum), len(wide))
    wide[:kept] = spectrum[:kept] * (count / len(speech))
    signal = np.fft.irfft(wide, count)
    upper = np.fft.irfft(np.where(np.fft.rfftfreq(count, 1 / RATE) > 4000, wide, 0), count)
    loudness = np.sqrt(np.convolve(upper**2, np.ones(220) / 220, mode="same"))
    air = np.fft.rfft(rng.standard_normal(count) * loudness)
    hz = np.fft.rfftfreq(count, 1 / RATE)
    air = np.fft.irfft(air * (hz > 7800) / (1 + (hz / 10_000) ** 4) ** 0.5, count)
    return (signal + rng.uniform(0.2, 0.8) * air).astype(np.float32)


def sing(
    speech: np.ndarray, notes: list[tuple[int, int, int]], rng: np.random.Generator, vibrato_cents: float, formant: float
) -> np.ndarray:
    """
    Speech at 16 kHz and notes (first and last sample at 44.1 kHz, MIDI) → [n] at 44.1 kHz, from the first note's begin to
    the last one's end, vowels stretched. `formant` above 1 makes the singer smaller.
    """
    begin, end = notes[0][0], notes[-1][1]
    frames = (end - begin) // _OUT_HOP
    envelope, voiced = _analyse(speech)
    at = _stretched(voiced, frames)
    hz = _pitch(notes, begin, frames, vibrato_cents, rng)
    count = frames * _OUT_HOP
    per_sample = np.interp(np.arange(count) / _OUT_HOP, np.arange(frames), hz)
    phase = np.cumsum(per_sample) / RATE
    # A pulse at each period, of all harmonics below 16 kHz alike (Dirichlet's kernel).
    harmonics = np.floor(16_000 / per_sample)
    angle = np.pi * (phase % 1)
    pulses = np.sin((2 * harmonics + 1) * angle) / np.maximum(1e-4, np.sin(angle)) - 1
    pulses *= np.sqrt(per_sample / RATE) / np.sqrt(2)
    noise = rng.standard_normal(count)
    window = np.hanning(_OUT_SIZE + 1)[:-1]
    starts = np.arange(frames) * _OUT_HOP
    index = starts[:, None] + np.arange(_OUT_SIZE) - _OUT_SIZE // 2
    index = np.clip(index, 0, count - 1)
    shares = np.interp(at, np.arange(len(voiced)), voiced)[:, None]
    excitation = np.fft.rfft((shares * pulses[index] + (1 - 0.95 * shares) * 0.5 * noise[index]) * window)
    made = np.fft.irfft(excitation * _gains(envelope, at, formant), _OUT_SIZE) * window
    signal = np.zeros(count + 2 * _OUT_SIZE)
    for start, frame in zip(starts, made):
        signal[start : start + _OUT_SIZE] += frame
    signal = _dispersed(signal[_OUT_SIZE // 2 : _OUT_SIZE // 2 + count], rng)
    return (signal / (np.abs(signal).max() + 1e-9)).astype(np.float32)


def _dispersed(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """High frequencies up to a few milliseconds late: a throat's pulses have no such peaks as those of equal phases."""
    hz = np.fft.rfftfreq(len(signal), 1 / RATE)
    delay = rng.uniform(0.3e-6, 1e-6)  # seconds for each Hz
    return np.fft.irfft(np.fft.rfft(signal) * np.exp(-1j * np.pi * delay * hz**2), len(signal))


def _analyse(speech: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[n] → log envelope [frames, bins] and how voiced it is [frames], in 0…1."""
    padded = np.pad(speech, _SIZE // 2)
    starts = np.arange(0, len(speech), _HOP)
    padded = np.pad(padded, (0, _SIZE))
    frames = padded[starts[:, None] + np.arange(_SIZE)] * np.hanning(_SIZE)
    spectrum = np.fft.rfft(frames)
    power = np.abs(spectrum) ** 2 + 1e-8
    cepstrum = np.fft.irfft(0.5 * np.log(power), axis=1)
    keep = 32  # 2 ms: shorter than any voice's period
    lifter = np.zeros(_SIZE)
    lifter[:keep] = 1
    lifter[-keep + 1 :] = 1
    envelope = np.fft.rfft(cepstrum * lifter, axis=1).real
    autocorrelation = np.fft.irfft(power, axis=1)
    lags = autocorrelation[:, 40:256].max(axis=1) / autocorrelation[:, 0]
    energy = autocorrelation[:, 0]
    voiced = np.clip((lags - 0.25) / 0.25, 0, 1) * (energy > energy.max() * 1e-3)
    return envelope, np.convolve(voiced, np.ones(5) / 5, mode="same")


def _stretched(voiced: np.ndarray, frames: int) -> np.ndarray:
    """For each of `frames` the frame of speech to be heard, vowels taking most of the additional time."""
    factor = frames / len(voiced)
    weights = 1 + voiced * max(0.0, factor - 1) * 3
    passed = np.cumsum(weights)
    return np.interp(np.linspace(0, passed[-1], frames), passed, np.arange(len(voiced)))


def _pitch(
    notes: list[tuple[int, int, int]], begin: int, frames: int, vibrato_cents: float, rng: np.random.Generator
) -> np.ndarray:
    """[frames] in Hz, with glides between notes and vibrato in long ones."""
    midi = np.full(frames, float(notes[0][2]))
    depth = np.zeros(frames)
    for first, last, pitch in notes:
        start, stop = (first - begin) // _OUT_HOP, (last - begin) // _OUT_HOP
        midi[start:] = pitch
        depth[start:stop] = np.clip((np.arange(max(0, min(stop, frames) - start)) - 30) / 40, 0, 1)
    glide = int(rng.uniform(6, 20))
    midi = np.convolve(np.pad(midi, glide, mode="edge"), np.ones(2 * glide + 1) / (2 * glide + 1), mode="valid")
    time = np.arange(frames) / 200
    cents = depth * vibrato_cents * np.sin(2 * np.pi * rng.uniform(4.8, 6.5) * time)
    drift = 40 * np.convolve(rng.standard_normal(frames), np.hanning(81) / 40, mode="same")[:frames]
    return 440 * 2 ** ((midi + (cents + drift) / 100 - 69) / 12)


def _gains(envelope: np.ndarray, at: np.ndarray, formant: float) -> np.ndarray:
    """[frames, bins of the output]: the envelope at these frames; beyond 8 kHz it falls by 12 dB an octave."""
    hz = np.fft.rfftfreq(_OUT_SIZE, 1 / RATE) / formant
    low = np.clip(np.floor(at).astype(int), 0, len(envelope) - 2)
    share = (at - low)[:, None]
    frames = (1 - share) * envelope[low] + share * envelope[low + 1]
    columns = np.minimum(hz, 7500) * _SIZE / _VOICE_RATE
    left = np.floor(columns).astype(int)
    part = columns - left
    values = (1 - part) * frames[:, left] + part * frames[:, left + 1]
    return np.exp(values - np.log(10) * 12 / 20 * np.log2(np.maximum(hz, 7500) / 7500))
