"""Writes the graphs: python export.py --work DIR [--to FOLDER]

`segmentation.onnx`: samples [B, 1, N] → log-probabilities [B, frames, 7], as pyannote's segmentation 3.0.
`onnx/model.onnx`: filterbank [B, T, 80] and weights [B, 589] → embeddings [B, 128], as WeSpeaker's with pyannote's pooling.
Weights are kept in 16 bits and computed with in 32. Fails where the graphs say something else than PyTorch.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

import features as f
from conversation import Mixer
from networks import Embedding, MelFrontEnd, Segmentation, pool
from utterances import Store

OPSET = 17
LEAST_HALVED = 1_024
"""Smaller tensors stay as they are."""
TOLERANCE = 0.02
"""Largest difference from PyTorch that 16 bits may make, relative to the largest value."""


class SegmentationGraph(nn.Module):
    def __init__(self, network: Segmentation):
        super().__init__()
        self.front_end, self.network = MelFrontEnd(), network

    def forward(self, input_values: Tensor) -> Tensor:
        return torch.log_softmax(self.network(self.front_end(input_values))[0], dim=2)


class EmbeddingGraph(nn.Module):
    def __init__(self, network: Embedding):
        super().__init__()
        self.network = network

    def forward(self, fbank: Tensor, weights: Tensor) -> Tensor:
        pooled = pool(self.network.frames(fbank), weights.unsqueeze(1))
        return self.network.voice(pooled[:, 0])


def export(model: nn.Module, inputs: dict[str, Tensor], output: str, axes: dict, path: Path) -> None:
    """Writes the graph and compares it with PyTorch on `inputs`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        model.eval(), tuple(inputs.values()), str(path), opset_version=OPSET, input_names=list(inputs),
        output_names=[output], dynamic_axes=axes, dynamo=False,
    )
    graph = onnx.load(path)
    halve(graph)
    onnx.checker.check_model(graph)
    onnx.save(graph, path)
    with torch.no_grad():
        expected = model(*inputs.values()).numpy()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    made = session.run(None, {name: value.numpy() for name, value in inputs.items()})[0]
    error = np.abs(made - expected).max() / np.abs(expected).max()
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, {error:.1e} from PyTorch")
    if not error < TOLERANCE:
        raise SystemExit(f"{path.name} differs from PyTorch by {error}")


def halve(model: onnx.ModelProto) -> None:
    """Large weights become constants of 16 bits and a cast, which the runtime does once when it opens the graph."""
    graph = model.graph
    casts, kept = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < LEAST_HALVED:
            kept.append(tensor)
            continue
        stored = numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}_half")
        casts.append(helper.make_node("Constant", [], [f"{tensor.name}_half"], value=stored))
        casts.append(helper.make_node("Cast", [f"{tensor.name}_half"], [tensor.name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    for node in nodes:
        node.doc_string = ""
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--to", type=Path, default=Path(__file__).parents[1])
    options = parser.parse_args()
    torch.set_num_threads(1)
    mixer = Mixer(Store(options.work / "development"), np.random.default_rng(0))
    segmentation, embedding = Segmentation(), Embedding()
    segmentation.load_state_dict(torch.load(options.work / "segmentation.pt")["network"])
    embedding.load_state_dict(torch.load(options.work / "embedding.pt")["network"])
    conversations = [mixer.conversation(mixer.pick_speakers(3), f.WINDOW_SAMPLES).samples for _ in range(2)]
    samples = torch.from_numpy(np.stack(conversations))[:, None]
    export(
        SegmentationGraph(segmentation), {"input_values": samples}, "logits",
        {"input_values": {0: "batch_size", 2: "num_samples"}, "logits": {0: "batch_size", 1: "num_frames"}},
        options.to / "segmentation.onnx",
    )
    fbank = torch.from_numpy(np.stack([f.fbank(window) for window in conversations]))
    weights = (torch.arange(f.FRAMES) // 100 % 2).float().expand(2, -1).contiguous()
    export(
        EmbeddingGraph(embedding), {"fbank": fbank, "weights": weights}, "embedding",
        {"fbank": {0: "batch_size", 1: "num_frames"}, "weights": {0: "batch_size", 1: "num_weights"}, "embedding": {0: "batch_size"}},
        options.to / "onnx/model.onnx",
    )


if __name__ == "__main__":
    main()
