"""Whisper's log-mel spectrogram of batches, and SpecAugment on it."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers.audio_utils import mel_filter_bank

HOP = 160
FFT = 400
MEL = torch.tensor(
    mel_filter_bank(1 + FFT // 2, 80, 0.0, 8000.0, 16000, norm="slaney", mel_scale="slaney"), dtype=torch.float32
)
"""[201, 80]"""


def log_mel(samples: Tensor) -> Tensor:
    """[B, n·160] → [B, 80, n], as openai/whisper's: 8 decades below each row's loudest, then (x + 4) / 4."""
    spectrum = torch.stft(samples, FFT, HOP, window=torch.hann_window(FFT), return_complex=True)
    power = spectrum[..., :-1].abs() ** 2
    logs = torch.clamp((power.transpose(1, 2) @ MEL).transpose(1, 2), min=1e-10).log10()
    logs = torch.maximum(logs, logs.amax(dim=(1, 2), keepdim=True) - 8)
    return (logs + 4) / 4


def other_voices(features: Tensor, generator: torch.Generator) -> Tensor:
    """As if said through other vocal tracts: the spectrum stretched a little, unevenly, and under a smooth curve of some dB; silence stays."""
    rows, bins, _ = features.shape
    draw = lambda low, high: low + (high - low) * torch.rand(rows, 1, generator=generator)
    knots = torch.randn(rows, 1, 6, generator=generator) * draw(0, 0.2)[:, :, None]
    curve = torch.nn.functional.interpolate(knots, bins, mode="linear", align_corners=True).transpose(1, 2)
    bend = torch.nn.functional.interpolate(torch.randn(rows, 1, 7, generator=generator), bins, mode="linear", align_corners=True)[:, 0]
    at = (torch.arange(bins) * draw(0.9, 1.12) + bend * draw(0, 1.2)).clamp(0, bins - 1)
    below = at.floor().long()
    above = (below + 1).clamp(max=bins - 1)
    share = (at - below)[:, :, None]
    row = torch.arange(rows)[:, None]
    heard = features[row, below] * (1 - share) + features[row, above] * share + curve
    silent = features <= features.amin(dim=(1, 2), keepdim=True) + 1e-3
    return torch.where(silent, features, heard)


def mask(features: Tensor, generator: torch.Generator) -> Tensor:
    """SpecAugment: two bands of up to 20 mels and, of each 4 s, a stretch of up to 0.3 s, set to the row's mean."""
    batch, bins, frames = features.shape
    mean = features.mean(dim=(1, 2), keepdim=True)
    hidden = torch.zeros_like(features, dtype=torch.bool)
    draw = lambda high: int(torch.randint(0, max(1, high), (), generator=generator))
    for row in range(batch):
        for _ in range(2):
            width = draw(20)
            start = draw(bins - width)
            hidden[row, start : start + width] = True
        for _ in range(max(1, frames // 400)):
            width = draw(30)
            start = draw(frames - width)
            hidden[row, :, start : start + width] = True
    return torch.where(hidden, mean, features)
