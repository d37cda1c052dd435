"""Exports `DIR/checkpoint.pt` to ../starter-demucs.onnx and compares the graph with PyTorch: `export.py --work DIR`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from network import STEMS, Separator, merge, spread
from transform import Transform, spectrum_of, waves_of

#: Frames at 44.1 kHz, those of every published HTDemucs: 7.8 s.
SEGMENT = 343_980
TARGET = Path(__file__).parents[1] / "starter-demucs.onnx"
TOLERANCE = 1e-4


class Waves(nn.Module):
    """HTDemucs' interface: waveform `mix` [1, 2, n] → `stems` [1, 4, 2, n]."""

    def __init__(self, separator: Separator):
        super().__init__()
        self.separator = separator
        self.transform = Transform()

    def forward(self, wave: Tensor) -> Tensor:
        spectrum = self.transform(wave[0])  # [2, frames, 2, bins]
        shares = spread(self.separator(merge((spectrum**2).sum(2)).unsqueeze(0))[0])  # [4, 2, frames, bins]
        made = shares.unsqueeze(3) * self.transform.one_sided(spectrum)
        stems = self.transform.inverse(made.flatten(0, 1), SEGMENT)
        return stems.view(1, len(STEMS), 2, SEGMENT)


def reference(separator: Separator, wave: Tensor) -> Tensor:
    """The same by PyTorch's own transform."""
    spectrum = spectrum_of(wave)
    shares = spread(separator(merge(spectrum.abs() ** 2))).squeeze(0)
    return waves_of(shares * spectrum, SEGMENT).unsqueeze(0)


def trained(work: Path) -> tuple[Separator, int]:
    """The checkpoint's network, of its last steps' average weights, and how many steps it was trained."""
    saved = torch.load(work / "checkpoint.pt")
    average = AveragedModel(Separator())
    average.load_state_dict(saved["average"])
    return average.module.eval(), saved["step"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    separator, step = trained(options.work)
    torch.manual_seed(0)
    wave = torch.randn(1, 2, SEGMENT).cumsum(-1) * 0.01 + 0.3 * torch.randn(1, 2, SEGMENT)
    with torch.no_grad():
        torch.onnx.export(
            Waves(separator).eval(), (wave,), TARGET, opset_version=17, dynamo=False, input_names=["mix"], output_names=["stems"]
        )
        expected = reference(separator, wave).numpy()
    graph = onnx.load(TARGET)
    for node in graph.graph.node:
        node.doc_string = ""
    onnx.save(graph, TARGET)
    made = onnxruntime.InferenceSession(TARGET).run(None, {"mix": wave.numpy()})[0]
    difference = float(np.abs(made - expected).max())
    print(f"step {step}: {TARGET.stat().st_size} bytes, {len(graph.graph.node)} nodes, off by {difference:.1e} at most")
    if difference > TOLERANCE:
        raise SystemExit(f"The graph differs from PyTorch by more than {TOLERANCE}")


if __name__ == "__main__":
    main()
