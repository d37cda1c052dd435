"""Writes ../onnx/model.onnx in the layout of Silero VAD and checks it: `python export.py --work DIR`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from generate import load
from network import CONTEXT, UNITS, WINDOW, Detector, windows_of
from onnx import TensorProto, helper
from scenes import Scenes
from train import measure

MODEL = Path(__file__).resolve().parents[1] / "onnx" / "model.onnx"


def export(model: Detector) -> None:
    MODEL.parent.mkdir(exist_ok=True)
    feeds = (torch.zeros(1, CONTEXT + WINDOW), torch.zeros(2, 1, UNITS))
    names = {"input_names": ["input", "state"], "output_names": ["output", "stateN"]}
    torch.onnx.export(model, feeds, MODEL, **names, opset_version=17, dynamo=False)
    graph = onnx.load(MODEL)
    # Silero's takes the rate too; this one knows 16 kHz alone.
    graph.graph.input.append(helper.make_tensor_value_info("sr", TensorProto.INT64, []))
    graph.doc_string = ""
    for node in graph.graph.node:
        node.doc_string = ""
    onnx.checker.check_model(graph)
    onnx.save(graph, MODEL)


def largest_difference(model: Detector, samples: np.ndarray) -> float:
    """Between PyTorch's probabilities of a whole scene [n] and the graph's, window by window."""
    session = onnxruntime.InferenceSession(MODEL)
    windows = windows_of(torch.from_numpy(samples[None]))
    expected = torch.sigmoid(model.logits(windows))[0].detach().numpy()
    state = np.zeros((2, 1, UNITS), np.float32)
    differences = []
    for window, probability in zip(windows[0].numpy(), expected, strict=True):
        output, state = session.run(None, {"input": window[None], "state": state, "sr": np.array(16_000, np.int64)})
        differences.append(abs(float(output[0, 0]) - float(probability)))
    return max(differences)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    arguments = parser.parse_args()
    detector = Detector()
    detector.load_state_dict(torch.load(arguments.work / "checkpoint.pt", weights_only=True)["model"])
    detector.eval()
    export(detector)
    scenes = Scenes(load(arguments.work / "held-out.npz"), seed=11)
    print(f"ONNX against PyTorch: {largest_difference(detector, scenes.scene()[0]):.1e}, {MODEL.stat().st_size} bytes")
    print(f"held out: {measure(detector, scenes, 20)}")
