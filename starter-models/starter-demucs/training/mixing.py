"""Place in the stereo field, room, tone and mastering."""

from __future__ import annotations

import numpy as np

from palette import Palette, draw
from synth import RATE, noise_band


def pan(mono: np.ndarray, position: float) -> np.ndarray:
    """[n] → [2, n] at constant power; −1 left, 1 right."""
    angle = (position + 1) * np.pi / 4
    return np.stack([np.cos(angle) * mono, np.sin(angle) * mono]).astype(np.float32)


def room(palette: Palette, rng: np.random.Generator) -> np.ndarray:
    """[2, n]: the response of an invented room without its direct sound, of energy 1."""
    seconds = draw(palette.reverb_seconds, rng)
    count = int(seconds * RATE)
    delay = int(rng.uniform(0.005, 0.04) * RATE)
    fade = 0.001 ** (np.arange(count) / count)
    high = rng.uniform(2500, 9000)
    response = np.zeros((2, count + delay), dtype=np.float32)
    for channel in response:
        channel[delay:] = noise_band(count, 150, high, rng, order=1) * fade
    return response / np.sqrt((response**2).sum(axis=1, keepdims=True))


def reverberate(stereo: np.ndarray, response: np.ndarray, wet: float) -> np.ndarray:
    """[2, n] → [2, n], the dry sound and `wet` times its echo."""
    size = 1 << (stereo.shape[1] + response.shape[1]).bit_length()
    spectra = np.fft.rfft(stereo, size) * np.fft.rfft(response, size)
    return stereo + wet * np.fft.irfft(spectra, size)[:, : stereo.shape[1]].astype(np.float32)


def echo(stereo: np.ndarray, seconds: float, feedback: float) -> np.ndarray:
    """Repeats that change sides."""
    made = stereo.copy()
    step, gain, source = int(seconds * RATE), feedback, stereo
    for repeat in range(1, 4):
        at = repeat * step
        if at >= stereo.shape[1]:
            break
        source = source[::-1]
        made[:, at:] += gain * source[:, :-at]
        gain *= feedback
    return made


def tilt(stereo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A tone control: a slope over frequency, a bell and a high pass."""
    spectrum = np.fft.rfft(stereo)
    hz = np.fft.rfftfreq(stereo.shape[1], 1 / RATE) + 1
    octaves = np.log2(hz / 1000)
    bell = rng.normal(0, 3) * np.exp(-((octaves - rng.uniform(-2, 3)) ** 2))
    gain_db = np.clip(octaves, -4, 4) * rng.normal(0, 0.8) + bell
    return np.fft.irfft(spectrum * 10 ** (gain_db / 20), stereo.shape[1]).astype(np.float32)


def level(stereo: np.ndarray) -> float:
    """Root mean square of what is not silent; 0 for silence."""
    frames = stereo[:, : stereo.shape[1] // 4410 * 4410].reshape(2, -1, 4410)
    powers = (frames**2).mean(axis=(0, 2))
    heard = powers[powers > powers.max() * 1e-3]
    return float(np.sqrt(heard.mean())) if heard.size and powers.max() > 0 else 0.0


def master(stems: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[4, 2, n]: one gain over time for all stems, as a compressor over the sum makes it, so that they still add up."""
    mixture = stems.sum(axis=0)
    hop = 441
    count = stems.shape[2]
    peaks = np.abs(mixture).max(axis=0)
    peaks = np.pad(peaks, (0, -count % hop)).reshape(-1, hop).max(axis=1)
    smooth = np.convolve(np.pad(peaks, 10, mode="edge"), np.hanning(21) / 10, mode="valid")
    threshold = np.quantile(smooth, 0.7) + 1e-6
    gain = np.minimum(1, (threshold / np.maximum(smooth, 1e-6)) ** rng.uniform(0, 0.6))
    stems = stems * np.interp(np.arange(count), np.arange(len(gain)) * hop + hop / 2, gain)
    peak = np.abs(stems.sum(axis=0)).max()
    single = np.abs(stems).max()
    return (stems * (rng.uniform(0.4, 0.9) / max(peak, single, 1e-6))).astype(np.float32)
