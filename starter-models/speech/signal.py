"""Resampling, silence and level of mono signals at 16 kHz."""

from __future__ import annotations

import numpy as np

SAMPLE_RATE = 16000
FRAME = 160  # 10 ms
QUIET = 0.01  # of the loudest frame's root mean square: -40 dB
MARGIN = 4  # frames kept around speech


def resample(samples: np.ndarray, length: int) -> np.ndarray:
    """The same signal in `length` samples, by its spectrum."""
    if length == len(samples):
        return samples
    # Sizes of many small factors: an FFT of a prime length is slow.
    block = 2048
    padded = -(-(len(samples) + block) // block) * block
    target = max(2, round(padded * length / len(samples)) // 2 * 2)
    spectrum = np.fft.rfft(samples, padded)
    bins = target // 2 + 1
    fitted = spectrum[:bins] if bins <= len(spectrum) else np.pad(spectrum, (0, bins - len(spectrum)))
    return (np.fft.irfft(fitted, target)[:length] * (target / padded)).astype(np.float32)


def frame_levels(samples: np.ndarray) -> np.ndarray:
    """Root mean square of each 10 ms, [n // 160]."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    return np.sqrt((frames.astype(np.float64) ** 2).mean(axis=1))


def speech_span(samples: np.ndarray) -> tuple[int, int]:
    """First sample and the one past the last that are not quiet."""
    levels = frame_levels(samples)
    loud = np.flatnonzero(levels > QUIET * levels.max(initial=0))
    return (int(loud[0]) * FRAME, (int(loud[-1]) + 1) * FRAME) if len(loud) else (0, len(samples))


def trim_silence(samples: np.ndarray) -> np.ndarray:
    start, end = speech_span(samples)
    return samples[max(0, start - MARGIN * FRAME) : end + MARGIN * FRAME]


def root_mean_square(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) if len(samples) else 0.0
