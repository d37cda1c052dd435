"""
The Fourier transform around the network, twice: as PyTorch's own, and from matrix products that every ONNX runtime has.

Frames of 4096 samples, one every 2048, the square root of Hann's window before and after. In matrix products it is Cooley's
and Tukey's transform in two steps of 64, so that its constants take 100 KB instead of 64 MB.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from network import BINS, HOP, SIZE

_STEP = 64
_HALF = _STEP // 2


def window() -> Tensor:
    return torch.hann_window(SIZE).sqrt()


def spectrum_of(waves: Tensor) -> Tensor:
    """[…, n] → complex [..., frames, bins], as unitary; n samples make ceil(n / 2048) + 1 frames."""
    flat = nn.functional.pad(waves.reshape(-1, waves.shape[-1]), (0, -waves.shape[-1] % HOP))
    made = torch.stft(flat, SIZE, HOP, window=window(), center=True, pad_mode="constant", normalized=True, return_complex=True)
    return made[:, :BINS].transpose(1, 2).reshape(*waves.shape[:-1], -1, BINS)


def waves_of(spectra: Tensor, length: int) -> Tensor:
    """The inverse of `spectrum_of`: complex [..., frames, bins] → [..., length]."""
    flat = nn.functional.pad(spectra.reshape(-1, *spectra.shape[-2:]), (0, 1)).transpose(1, 2)
    made = torch.istft(flat, SIZE, HOP, window=window(), center=True, normalized=True, length=length)
    return made.reshape(*spectra.shape[:-2], length)


class Transform(nn.Module):
    """The same from matrix products. Bin k is 64 · (k // 64) + k % 64 of two steps, sample n likewise."""

    def __init__(self) -> None:
        super().__init__()
        index = np.arange(_STEP)
        step = np.exp(-2j * np.pi * np.outer(index, index) / _STEP)
        twist = np.exp(-2j * np.pi * np.outer(index, index) / SIZE)
        first = step / np.sqrt(SIZE)
        # What is left of negative frequencies is the conjugate of the positive ones.
        weights = np.full(BINS, 2 / np.sqrt(SIZE))
        weights[0] = 1 / np.sqrt(SIZE)
        constants = {
            "first": np.concatenate([first.real, first.imag], 1),
            "second": _as_real(step[:, :_HALF]),
            "twist_re": twist.real,
            "twist_im": twist.imag,
            "back_first": _as_real(step.conj()[:_HALF]),
            "back_second": np.concatenate([step.real, step.imag], 0),
            "weights": weights,
        }
        for name, value in constants.items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(value)).float())
        self.register_buffer("window", window())

    def forward(self, wave: Tensor) -> Tensor:
        """[rows, n] → real and imaginary part [rows, frames, 2, bins]."""
        rows, length = wave.shape
        blocks = nn.functional.pad(wave, (HOP, HOP + -length % HOP)).view(rows, -1, HOP)
        frames = torch.cat([blocks[:, :-1], blocks[:, 1:]], -1) * self.window
        count = frames.shape[1]
        x = frames.view(rows, count, _STEP, _STEP).transpose(2, 3)  # [rows, frames, n % 64, n // 64]
        re, im = (x @ self.first).split(_STEP, -1)  # [rows, frames, n % 64, k % 64]
        re, im = re * self.twist_re - im * self.twist_im, re * self.twist_im + im * self.twist_re
        turned = torch.cat([re, im], 2).transpose(2, 3)  # [rows, frames, k % 64, 2 · (n % 64)]
        made = (turned @ self.second).transpose(2, 3)  # [rows, frames, 2 · (k // 64), k % 64]
        return made.reshape(rows, count, 2, BINS)

    def one_sided(self, spectra: Tensor) -> Tensor:
        """[rows, frames, 2, bins] as `inverse` takes it: bins stand for negative frequencies, too."""
        return spectra * self.weights

    def inverse(self, spectra: Tensor, length: int) -> Tensor:
        """[rows, frames, 2, bins], one-sided → [rows, length]."""
        rows, count = spectra.shape[:2]
        turned = spectra.view(rows, count, _STEP, _STEP).transpose(2, 3)  # [rows, frames, k % 64, 2 · (k // 64)]
        re, im = (turned @ self.back_first).split(_STEP, -1)  # [rows, frames, k % 64, n % 64]
        re, im = re * self.twist_re + im * self.twist_im, im * self.twist_re - re * self.twist_im
        turned = torch.cat([re, im], 2).transpose(2, 3)  # [rows, frames, n % 64, 2 · (k % 64)]
        x = (turned @ self.back_second).transpose(2, 3).reshape(rows, count, SIZE) * self.window
        added = nn.functional.pad(x[:, :, :HOP], (0, 0, 0, 1)) + nn.functional.pad(x[:, :, HOP:], (0, 0, 1, 0))
        return added.reshape(rows, -1)[:, HOP : HOP + length]


def _as_real(matrix: np.ndarray) -> np.ndarray:
    """A complex matrix [a, b] as the real one [2a, 2b] that does the same to (real, imaginary)."""
    return np.block([[matrix.real, matrix.imag], [-matrix.imag, matrix.real]])
