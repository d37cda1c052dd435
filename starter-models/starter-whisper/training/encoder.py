"""The encoder: Whisper's input and output, inside a small Conformer at lower frame rates."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

REPEATS = 4
"""Whisper's positions of 20 ms in one of the encoder's last ones, of 80 ms."""


class Encoder(nn.Module):
    """`lower` layers at positions of 40 ms, fine enough for phonemes, then `upper` ones at 80 ms."""

    def __init__(self, width: int, lower: int, upper: int, heads: int, longest: int = 750) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(80, 128, 3, stride=2, padding=1)
        self.conv2 = nn.Conv1d(128, width, 3, stride=2, padding=1)
        self.register_buffer("positions", sinusoids(longest, width), persistent=False)
        self.lower = nn.ModuleList(Layer(width, heads) for _ in range(lower))
        self.join = nn.Linear(2 * width, width)
        self.upper = nn.ModuleList(Layer(width, heads) for _ in range(upper))
        self.norm = nn.LayerNorm(width)

    def forward(self, features: Tensor) -> Tensor:
        """[B, 80, 8n] → [B, n, width], n ≤ 375. Attention over each position four times gives the same as over each once."""
        return self.finish(self.begin(features))

    def begin(self, features: Tensor) -> Tensor:
        """[B, 80, 8n] → [B, 2n, width]"""
        hidden = functional.gelu(self.conv1(features))
        hidden = functional.gelu(self.conv2(hidden)).transpose(1, 2)
        hidden = hidden + self.positions[: hidden.shape[1]]
        for layer in self.lower:
            hidden = layer(hidden)
        return hidden

    def finish(self, hidden: Tensor) -> Tensor:
        batch, count, width = hidden.shape
        hidden = self.join(hidden.reshape(batch, count // 2, 2 * width))
        for layer in self.upper:
            hidden = layer(hidden)
        return self.norm(hidden)


class Layer(nn.Module):
    """Attention, convolution and feed-forward, each behind a norm and added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention_norm, self.convolution_norm, self.forward_norm = (nn.LayerNorm(width) for _ in range(3))
        self.attention = Attention(width, heads)
        self.convolution = Convolution(width)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = hidden + self.attention(self.attention_norm(hidden))
        hidden = hidden + self.convolution(self.convolution_norm(hidden))
        return hidden + self.contract(functional.gelu(self.expand(self.forward_norm(hidden))))


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        batch, count, width = hidden.shape
        parts = self.project(hidden).view(batch, count, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)  # each [B, heads, n, width / heads]
        # Faster to train on a CPU than the fused function.
        attention = (query @ key.transpose(-1, -2) * (width / self.heads) ** -0.5).softmax(dim=-1)
        mixed = attention @ value
        return self.output(mixed.transpose(1, 2).reshape(batch, count, width))


class Convolution(nn.Module):
    """Gated, then over nine positions for each channel by itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.enter = nn.Linear(width, 2 * width)
        self.depthwise = nn.Conv1d(width, width, 9, padding=4, groups=width)
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        gated = functional.glu(self.enter(hidden), dim=-1)
        local = self.depthwise(gated.transpose(1, 2)).transpose(1, 2)
        return self.leave(functional.silu(self.norm(local)))


class WholeWindow(nn.Module):
    """As Whisper's: [1, 80, 3000] → [1, 1500, width]."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_features: Tensor) -> Tensor:
        return self.encoder(input_features).repeat_interleave(REPEATS, dim=1)


def sinusoids(length: int, channels: int) -> Tensor:
    """[length, channels], of openai/whisper (model.py)."""
    steps = torch.exp(-torch.log(torch.tensor(10000.0)) / (channels // 2 - 1) * torch.arange(channels // 2))
    angles = torch.arange(length)[:, None] * steps[None]
    return torch.cat([angles.sin(), angles.cos()], dim=1)
