"""What the two networks hear: log-mel frames of the segmentation, and Kaldi's filterbank for the embedding."""

from __future__ import annotations

import numpy as np

SAMPLE_RATE = 16_000
WINDOW_SAMPLES = 160_000
"""Samples that one pass of the segmentation hears: 10 s."""

FRAMES = 589
FRAME_STEP = 270
FRAME_SAMPLES = 991
"""The frame grid of pyannote's segmentation 3.0: frame i spans samples 270 i … 270 i + 991."""

DFT_SAMPLES = 512
DFT_OFFSET = (FRAME_SAMPLES - DFT_SAMPLES) // 2
"""The transform takes the middle of a frame."""
MELS = 64
PRE_EMPHASIS = 0.97
RELATIVE_FLOOR = 1e-5
"""Added to a mel band's power, relative to the window's mean."""

FBANK_BINS = 80
FBANK_LENGTH = 400
FBANK_SHIFT = 160
ENERGY_FLOOR = 1.1920928955078125e-07


def mel_filters(bins: int, low: float, high: float) -> np.ndarray:
    """Kaldi's triangles in mel space, [257, bins]; the last row (Nyquist) is 0."""
    mel = lambda hertz: 1127.0 * np.log(1.0 + np.asarray(hertz) / 700.0)
    edges = np.linspace(mel(low), mel(high), bins + 2)
    points = mel(np.arange(257) * SAMPLE_RATE / DFT_SAMPLES)[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    weights = np.maximum(0, np.minimum((points - left) / (centre - left), (right - points) / (right - centre)))
    weights[-1] = 0
    return weights.astype(np.float32)


SEGMENTATION_FILTERS = mel_filters(MELS, 50, 8000)
SEGMENTATION_WINDOW = np.hanning(DFT_SAMPLES + 1)[:-1].astype(np.float32)
FBANK_FILTERS = mel_filters(FBANK_BINS, 20, 8000)
FBANK_WINDOW = np.hamming(FBANK_LENGTH).astype(np.float32)


def segmentation_power(samples: np.ndarray) -> np.ndarray:
    """Samples [n] in −1 … 1 → mel powers [frames, 64], as the exported graph's first layers compute them."""
    emphasised = np.append(np.float32(0), samples[1:] - np.float32(PRE_EMPHASIS) * samples[:-1]).astype(np.float32)
    frames = 1 + (len(samples) - FRAME_SAMPLES) // FRAME_STEP
    view = np.lib.stride_tricks.sliding_window_view(emphasised[DFT_OFFSET:], DFT_SAMPLES)[:: FRAME_STEP][:frames]
    spectrum = np.fft.rfft(view * SEGMENTATION_WINDOW)
    return (spectrum.real**2 + spectrum.imag**2) @ SEGMENTATION_FILTERS


def segmentation_features(power: np.ndarray) -> np.ndarray:
    """Mel powers [frames, 64] → log powers relative to the window's mean, about −3 … 2; float32."""
    level = power.mean() + 1e-7
    return (np.log(power / level + RELATIVE_FLOOR) / 4 + 1).astype(np.float32)


def fbank(samples: np.ndarray) -> np.ndarray:
    """Samples [n] in −1 … 1 → WeSpeaker's filterbank [T, 80], each bin's mean subtracted; float32."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, FBANK_LENGTH)[::FBANK_SHIFT] * np.float32(32_768)
    frames = frames - frames.mean(axis=1, keepdims=True)
    emphasised = frames - np.float32(PRE_EMPHASIS) * np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    spectrum = np.fft.rfft(emphasised * FBANK_WINDOW, n=DFT_SAMPLES)
    energies = (spectrum.real**2 + spectrum.imag**2) @ FBANK_FILTERS
    features = np.log(np.maximum(energies, ENERGY_FLOOR))
    return (features - features.mean(axis=0)).astype(np.float32)


def frame_activity(spans: list[tuple[int, int, int]], speakers: int, samples: int) -> np.ndarray:
    """Spans (start, end, speaker) in samples → [frames, speakers] of booleans, at the frames' middles."""
    frames = 1 + (samples - FRAME_SAMPLES) // FRAME_STEP
    active = np.zeros((frames, speakers), dtype=bool)
    for start, end, speaker in spans:
        first, last = ((np.array([start, end]) - FRAME_SAMPLES / 2) / FRAME_STEP).clip(0, frames)
        active[int(np.ceil(first)) : int(np.ceil(last)), speaker] = True
    return active
