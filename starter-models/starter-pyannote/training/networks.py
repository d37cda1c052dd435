"""The two networks, and the layers that make the segmentation's features from samples inside its graph."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import features as f

POWERSET = [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]
"""pyannote's classes: at most two of three local speakers at a time."""


class MelFrontEnd(nn.Module):
    """Samples [B, 1, N] → [B, 64, frames]: `segmentation_features` as convolutions, for the exported graph."""

    def __init__(self):
        super().__init__()
        taps = f.DFT_SAMPLES
        angle = 2 * np.pi * np.outer(np.arange(taps // 2), np.arange(taps)) / taps
        kernel = np.concatenate([np.cos(angle), np.sin(angle)]) * f.SEGMENTATION_WINDOW
        # Pre-emphasis is a filter of two taps, so the kernels take it in and become one tap longer to the left.
        emphasised = np.pad(kernel, ((0, 0), (1, 0))) - f.PRE_EMPHASIS * np.pad(kernel, ((0, 0), (0, 1)))
        self.register_buffer("kernel", torch.tensor(emphasised[:, None], dtype=torch.float32))
        self.register_buffer("filters", torch.tensor(f.SEGMENTATION_FILTERS[:-1].T[:, :, None].copy()))

    def forward(self, samples: Tensor) -> Tensor:
        cropped = samples[:, :, f.DFT_OFFSET - 1 : -f.DFT_OFFSET - 1]
        parts = F.conv1d(cropped, self.kernel, stride=f.FRAME_STEP)
        real, imaginary = parts.chunk(2, dim=1)
        power = F.conv1d(real * real + imaginary * imaginary, self.filters)
        level = power.mean(dim=(1, 2), keepdim=True) + 1e-7
        return torch.log(power / level + f.RELATIVE_FLOOR) / 4 + 1


class Context(nn.Module):
    """Recurrence and self-attention over a window, [B, T, 128] → the same."""

    def __init__(self, width: int = 128, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.recurrence = nn.LSTM(width, width // 2, batch_first=True, bidirectional=True)
        self.qkv = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.mixed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))

    def attend(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        weights = torch.softmax(q @ k.transpose(2, 3) * q.shape[-1] ** -0.5, dim=-1)
        return self.joined((weights @ v).transpose(1, 2).flatten(2))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.recurrence(self.norms[0](x))[0]
        x = x + self.attend(self.norms[1](x))
        return x + self.mixed(self.norms[2](x))


def conv(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(before, after, 5, stride, 2, bias=False), nn.BatchNorm1d(after), nn.ReLU())


class Segmentation(nn.Module):
    """Features [B, 64, T] → logits [B, T, 7], and for training a voice per eighth frame [B, T / 8, 128].

    When somebody talks by convolutions at half of the frames, who it is by recurrence and attention at an eighth.
    """

    def __init__(self, width: int = 128):
        super().__init__()
        self.fine = nn.Sequential(conv(f.MELS, 96, 2), conv(96, 96))
        self.coarse = nn.Sequential(conv(96, width, 2), conv(width, width, 2))
        self.context = nn.ModuleList([Context(width), Context(width)])
        self.raised = nn.Conv1d(width, 96, 1)
        self.out = nn.Sequential(conv(96, 64), nn.ConvTranspose1d(64, len(POWERSET), 2, 2))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.fine(x)
        voices = self.context[0](self.coarse(fine).transpose(1, 2))
        roles = self.context[1](voices)
        raised = self.raised(roles.transpose(1, 2)).repeat_interleave(4, dim=2)[:, :, : fine.shape[2]]
        return self.out(fine + raised)[:, :, : x.shape[2]].transpose(1, 2), voices


class Residual1d(nn.Module):
    """A dilated convolution over time, [B, C, T] → the same."""

    def __init__(self, channels: int, dilation: int):
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.relu(self.norm(self.conv(x)))


class Embedding(nn.Module):
    """Filterbank [B, T, 80] and masks [B, S, frames] → [B, S, 128], pooled by each mask."""

    def __init__(self, dimension: int = 128, channels: int = 256, pooled: int = 384):
        super().__init__()
        self.planes = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 24, 3, 2, 1, bias=False),
            nn.BatchNorm2d(24),
            nn.ReLU(),
        )
        self.narrow = nn.Sequential(
            nn.Conv1d(24 * f.FBANK_BINS // 4, channels, 1, bias=False), nn.BatchNorm1d(channels), nn.ReLU()
        )
        self.time = nn.Sequential(*(Residual1d(channels, dilation) for dilation in (1, 2, 3)))
        self.wide = nn.Sequential(nn.Conv1d(channels, pooled, 1), nn.ReLU())
        self.voice = nn.Linear(2 * pooled, dimension)
        # Four times faster in bfloat16.
        self.planes.to(memory_format=torch.channels_last)

    def frames(self, fbank: Tensor) -> Tensor:
        """[B, T, 80] → [B, 384, T / 4]"""
        image = fbank.transpose(1, 2).unsqueeze(1).contiguous(memory_format=torch.channels_last)
        planes = self.planes(image)
        return self.wide(self.time(self.narrow(planes.flatten(1, 2))))

    def forward(self, fbank: Tensor, masks: Tensor) -> Tensor:
        frames = self.frames(fbank).float()
        return self.voice(pool(frames, masks))


def pool(frames: Tensor, masks: Tensor) -> Tensor:
    """pyannote's statistics pooling: [B, C, T], [B, S, frames] → means and deviations [B, S, 2 C]."""
    weights = F.interpolate(masks, size=frames.shape[-1], mode="nearest")
    v1 = weights.sum(dim=-1, keepdim=True) + 1e-8
    v2 = (weights * weights).sum(dim=-1, keepdim=True)
    mean = weights @ frames.transpose(1, 2) / v1
    square = weights @ (frames * frames).transpose(1, 2) / v1
    variance = (square - mean * mean).clamp(min=0) * v1 / (v1 - v2 / v1 + 1e-8)
    return torch.cat([mean, torch.sqrt(variance + 1e-8)], dim=-1)
