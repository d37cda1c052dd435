"""
The network: powers of a stereo spectrum → a share of each of its cells for each stem.

Spectra have 2048 bins (4096 samples, the Nyquist frequency left out). Bins are merged to 576 cells, the higher the
coarser; 18 cells are a band. Each band has its own way in and out, and what is between them is shared by all bands.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIZE = 4096
HOP = 2048
BINS = 2048
STEMS = ("drums", "bass", "other", "vocals")
#: (cells, bins in each)
GROUPS = ((256, 1), (128, 2), (128, 4), (64, 16))
CELLS = 576
BANDS = 32
_CELLS_IN_BAND = CELLS // BANDS


class Separator(nn.Module):
    """0.6 million parameters."""

    def __init__(self, channels: int = 64, dilations: tuple[int, ...] = (1, 2, 4, 8, 2)):
        super().__init__()
        width = 2 * _CELLS_IN_BAND
        self.features = nn.BatchNorm1d(2 * CELLS)
        self.entry = nn.Parameter(torch.randn(BANDS, width, channels) * width**-0.5)
        self.place = nn.Parameter(torch.zeros(BANDS, 1, channels))
        self.blocks = nn.ModuleList(Block(channels, dilation) for dilation in dilations)
        self.exit = nn.Parameter(torch.randn(BANDS, channels, width * len(STEMS)) * channels**-0.5 * 0.1)
        self.bias = nn.Parameter(torch.zeros(BANDS, 1, width * len(STEMS)))

    def forward(self, power: Tensor) -> Tensor:
        """|X|² [batch, 2, frames, cells] → shares [batch, stems, 2, frames, cells], 1 together."""
        batch, _, frames, _ = power.shape
        cells = torch.log(power + 1e-5).transpose(1, 2)  # [batch, frames, 2, cells]
        cells = self.features(cells.reshape(batch * frames, 2 * CELLS))
        bands = cells.view(batch * frames, 2, BANDS, _CELLS_IN_BAND).permute(2, 0, 1, 3)
        x = bands.reshape(BANDS, batch * frames, -1) @ self.entry + self.place  # [bands, batch · frames, channels]
        x = x.view(BANDS, batch, frames, -1).permute(1, 3, 2, 0)  # [batch, channels, frames, bands]
        for block in self.blocks:
            x = block(x)
        x = x.permute(3, 0, 2, 1).reshape(BANDS, batch * frames, -1)
        logits = (x @ self.exit + self.bias).view(BANDS, batch, frames, len(STEMS), 2, _CELLS_IN_BAND)
        logits = logits.permute(1, 3, 4, 2, 0, 5).reshape(batch, len(STEMS), 2, frames, CELLS)
        return torch.softmax(logits.float(), dim=1)


class Block(nn.Module):
    """Sees neighbours in time and frequency, then all bands at once."""

    def __init__(self, channels: int, dilation: int):
        super().__init__()
        padding = (dilation, 1)
        self.near = nn.Conv2d(channels, channels, 3, padding=padding, dilation=(dilation, 1), bias=False)
        self.near_norm = nn.BatchNorm2d(channels)
        self.all = nn.Parameter(torch.randn(BANDS, BANDS) * BANDS**-0.5)
        self.all_norm = nn.BatchNorm2d(channels)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, frames, bands] → the same."""
        near = torch.relu(self.near_norm(self.near(x)))
        everywhere = (self.all @ near.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        everywhere = torch.relu(self.all_norm(everywhere))
        return x + self.out(near + everywhere)


def merge(power: Tensor) -> Tensor:
    """[…, bins] → the mean over each cell's bins […, cells]."""
    parts, at = [], 0
    for cells, bins in GROUPS:
        part = power[..., at : at + cells * bins]
        parts.append(part if bins == 1 else part.reshape(*part.shape[:-1], cells, bins).mean(-1))
        at += cells * bins
    return torch.cat(parts, -1)


def spread(shares: Tensor) -> Tensor:
    """[…, cells] → for each bin its cell's [..., bins]."""
    parts, at = [], 0
    for cells, bins in GROUPS:
        part = shares[..., at : at + cells]
        parts.append(part if bins == 1 else part.unsqueeze(-1).expand(*part.shape, bins).flatten(-2))
        at += cells
    return torch.cat(parts, -1)
