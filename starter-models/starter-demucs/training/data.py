"""Training examples out of the generated tracks' spectra: stems of different tracks at other levels, mixed anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from network import CELLS, GROUPS

#: Bins in each cell [cells].
WIDTHS = torch.cat([torch.full((cells,), float(bins)) for cells, bins in GROUPS])


class Tracks:
    """All tracks of a folder in memory: float16 amplitudes [4, 2, frames, cells] each."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._tracks: dict[Path, np.ndarray] = {}
        self.reload()

    def reload(self) -> int:
        """Reads tracks that were generated since; returns how many there are."""
        for path in sorted(self._folder.glob("*.npy")):
            if path not in self._tracks:
                self._tracks[path] = np.load(path)
        self._all = [self._tracks[path] for path in sorted(self._tracks)]
        return len(self._all)

    def batch(self, size: int, frames: int, rng: np.random.Generator) -> Tensor:
        """Amplitudes of stems [size, 4, 2, frames, cells], of the level the gateway gives a track."""
        made = np.empty((size, 4, 2, frames, CELLS), dtype=np.float32)
        for example in made:
            same = self._all[rng.integers(len(self._all))] if rng.uniform() < 0.4 else None
            start = None
            for stem in range(4):
                track = self._all[rng.integers(len(self._all))] if same is None else same
                if start is None or same is None:
                    start = rng.integers(track.shape[2] - frames + 1)
                gain = 10 ** (rng.normal(0, 3.5) / 20) * (rng.uniform() > 0.08)
                sides = slice(None, None, -1 if rng.uniform() < 0.5 else 1)
                example[stem] = gain * track[stem, sides, start : start + frames]
            power = (example**2 * WIDTHS.numpy()).sum() / WIDTHS.numpy().sum() / (2 * frames)
            # A signal of deviation 1 has half of that as its bins' mean power, the window being Hann's square root.
            example *= np.sqrt(0.5 / max(power, 1e-9)) * 10 ** (rng.normal(0, 3) / 20)
        return torch.from_numpy(made)


def mix(amplitudes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """
    Amplitudes of stems [batch, 4, 2, frames, cells] → power of the mixture [batch, 2, frames, cells], and for each stem its
    own power and its product with the mixture, the real part [batch, 4, 2, frames, cells]; all of them means over a cell.

    Stems do not know of each other, so the angles between them are drawn, the same for both channels; in a cell of n bins
    what they make cancels all but 1 / √n.
    """
    batch, stems, _, frames, cells = amplitudes.shape
    angles = 2 * torch.pi * torch.rand(batch, stems, 1, frames, cells)
    re, im = amplitudes * torch.cos(angles), amplitudes * torch.sin(angles)
    sum_re, sum_im = re.sum(1, keepdim=True), im.sum(1, keepdim=True)
    share = WIDTHS**-0.5
    own = amplitudes**2
    power = (1 - share) * own.sum(1) + share * (sum_re**2 + sum_im**2).squeeze(1)
    product = (1 - share) * own + share * (re * sum_re + im * sum_im)
    return power, own, product
