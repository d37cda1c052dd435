"""A voice activity detector with the interface of Silero VAD v5: 512 new samples behind 64 old ones, a state, a probability."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

SAMPLE_RATE = 16_000
CONTEXT = 64
WINDOW = 512
UNITS = 128
FRAME = 256
HOP = 64
FRAMES = (CONTEXT + WINDOW - FRAME) // HOP + 1
BANDS = 32


def mel_bands() -> np.ndarray:
    """[FRAME / 2 + 1, BANDS]: triangles, equally wide in mel between 60 and 7,800 Hz."""
    to_mel = lambda hertz: 2595 * np.log10(1 + hertz / 700)
    edges = 700 * (10 ** (np.linspace(to_mel(60), to_mel(7_800), BANDS + 2) / 2595) - 1)
    bins = np.arange(FRAME // 2 + 1) * SAMPLE_RATE / FRAME
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    return np.clip(np.minimum(rising, falling), 0, None)


class Detector(nn.Module):
    """Spectrum of each window → two GRU layers over the windows → the probability that somebody speaks in it."""

    def __init__(self) -> None:
        super().__init__()
        times = np.arange(FRAME)
        angles = 2 * np.pi * np.outer(times, np.arange(FRAME // 2 + 1)) / FRAME
        window = np.hanning(FRAME)[:, None]
        self.register_buffer("cosines", torch.tensor(window * np.cos(angles), dtype=torch.float32))
        self.register_buffer("sines", torch.tensor(window * np.sin(angles), dtype=torch.float32))
        self.register_buffer("bands", torch.tensor(mel_bands(), dtype=torch.float32))
        self.squeeze = nn.Linear(FRAMES * BANDS, 96)
        self.layers = nn.GRU(96, UNITS, num_layers=2)
        self.score = nn.Linear(UNITS, 1)

    def features(self, windows: Tensor) -> Tensor:
        """[n, 576] → [n, 96]"""
        frames = torch.stack([windows[:, i * HOP : i * HOP + FRAME] for i in range(FRAMES)], 1)
        power = (frames @ self.cosines) ** 2 + (frames @ self.sines) ** 2
        levels = torch.log(power @ self.bands + 1e-6)
        return torch.relu(self.squeeze(levels.flatten(1) / 4 + 1))

    def logits(self, windows: Tensor) -> Tensor:
        """[batch, windows, 576] → [batch, windows]"""
        batch, count, _ = windows.shape
        features = self.features(windows.flatten(0, 1)).view(batch, count, -1)
        heard, _ = self.layers(features.transpose(0, 1))
        return self.score(heard).squeeze(-1).transpose(0, 1)

    def forward(self, input: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """[1, 576], [2, 1, 128] → probability [1, 1], state [2, 1, 128]"""
        heard, state = self.layers(self.features(input).unsqueeze(0), state)
        return torch.sigmoid(self.score(heard[0])), state


def windows_of(samples: Tensor) -> Tensor:
    """[batch, n·512] → [batch, n, 576]: each window behind the last samples of the one before."""
    return nn.functional.pad(samples, (CONTEXT, 0)).unfold(1, CONTEXT + WINDOW, WINDOW)
