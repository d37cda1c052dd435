"""
Improvement of SI-SDR on the held-out tracks by PyTorch, whole tracks at once: `evaluate.py --work DIR`. The figures of the
model card come from `npm run eval`, through the gateway; these are for a look in between.
"""

from __future__ import annotations

import argparse
import json
import wave
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from export import trained
from network import STEMS, merge, spread
from transform import spectrum_of, waves_of


def read_wav(path: Path) -> Tensor:
    """Stereo of 16 bits → [2, n]."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return torch.from_numpy(samples.reshape(-1, 2).T.astype(np.float32) / 32_768)


def si_sdr(reference: Tensor, estimate: Tensor) -> float:
    """In dB, over both channels at once."""
    reference, estimate = reference.flatten().double(), estimate.flatten().double()
    scaled = reference * (reference @ estimate / (reference @ reference))
    return float(10 * torch.log10((scaled @ scaled) / ((estimate - scaled) @ (estimate - scaled))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    separator, step = trained(options.work)
    folder = options.work / "held-out"
    rows = []
    for line in (folder / "manifest.jsonl").read_text().splitlines():
        clip = json.loads(line)
        mixture = read_wav(folder / clip["mixture"])
        spectrum = spectrum_of(mixture / mixture.mean(0).std())
        with torch.no_grad():
            shares = spread(separator(merge(spectrum.abs() ** 2).unsqueeze(0))[0])
        made = waves_of(shares * spectrum, mixture.shape[1])
        sources = [read_wav(folder / clip["sources"][stem]) for stem in STEMS]
        rows.append([si_sdr(source, each) - si_sdr(source, mixture) for source, each in zip(sources, made)])
    means = np.mean(rows, axis=0)
    print(f"step {step}:", ", ".join(f"{stem} {mean:+.1f} dB" for stem, mean in zip(STEMS, means)))
    print("worst:", ", ".join(f"{stem} {least:+.1f} dB" for stem, least in zip(STEMS, np.min(rows, axis=0))))


if __name__ == "__main__":
    main()
