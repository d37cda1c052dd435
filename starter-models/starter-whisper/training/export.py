"""Writes the checkpoint as the hub's repositories of Whisper are: configuration, tokenizer and graphs in half precision.

The decoder's two graphs hold nearly the same weights: these stand once, in `decoder_model_fp16.onnx_data`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto
from optimum.exporters.onnx import main_export
from optimum.exporters.onnx.base import ConfigBehavior
from optimum.exporters.onnx.model_configs import WhisperOnnxConfig
from transformers import WhisperForConditionalGeneration

PROJECT = Path(__file__).parents[3]
sys.path.insert(0, str(PROJECT / "tests/fixtures/whisper"))

from alignment import alignment_heads
from dtypes import to_fp16
from encoder import WholeWindow
from evaluate import load_model
from model import Model, config, generation_config
from tokens import load_tokenizer, tokenizer_config, write_json

OPSET = 14
SHARED = "decoder_model_fp16.onnx_data"
SHARED_FROM = 1024  # bytes; smaller weights stay in the graphs
ALIGNMENT = 64


class AttentionWhisperOnnxConfig(WhisperOnnxConfig):
    """Every decoder layer's cross attention is an output too: word times are made of them."""

    @property
    def outputs(self) -> dict[str, dict[int, str]]:
        outputs = super().outputs
        if self._behavior is ConfigBehavior.DECODER:
            axes = {0: "batch_size", 2: "decoder_sequence_length", 3: "encoder_sequence_length_out"}
            outputs |= {f"cross_attentions.{layer}": axes for layer in range(self._config.decoder_layers)}
        return outputs


def export_decoder(model: Model, folder: Path) -> list[Path]:
    """float32, by transformers' and optimum's code; their encoder is not ours and is thrown away."""
    settings = config()
    settings.encoder_layers = 1
    whisper = WhisperForConditionalGeneration(settings)
    whisper.model.decoder.load_state_dict(model.decoder.state_dict())
    whisper.tie_weights()
    described = AttentionWhisperOnnxConfig(config=settings, task="automatic-speech-recognition")
    parts = {
        "encoder_model": described.with_behavior("encoder"),
        "decoder_model": described.with_behavior("decoder", use_past=True, use_past_in_inputs=False),
        "decoder_with_past_model": described.with_behavior("decoder", use_past=True, use_past_in_inputs=True),
    }
    with tempfile.TemporaryDirectory() as source:
        whisper.save_pretrained(source)
        main_export(
            source,
            output=folder,
            task="automatic-speech-recognition-with-past",
            opset=OPSET,
            no_post_process=True,
            do_validation=False,
            model_kwargs={"output_attentions": True},
            custom_onnx_configs=parts,
        )
    return [folder / "decoder_model.onnx", folder / "decoder_with_past_model.onnx"]


def export_encoder(model: Model, path: Path) -> None:
    torch.onnx.export(
        WholeWindow(model.encoder),
        (torch.zeros(1, 80, 3000),),
        str(path),
        input_names=["input_features"],
        output_names=["last_hidden_state"],
        dynamic_axes={"input_features": {0: "batch_size"}, "last_hidden_state": {0: "batch_size"}},
        opset_version=OPSET,
        dynamo=False,
    )


def halved(path: Path) -> onnx.ModelProto:
    graph = to_fp16(onnx.load(path))
    for node in graph.graph.node:
        node.ClearField("doc_string")
    graph.graph.ClearField("value_info")
    return graph


def tie_embedding(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The last matrix is the embedding transposed: it is made of it, not stored again."""
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.graph.initializer}
    shape = (config().vocab_size, config().d_model)
    embedding = next(name for name, array in arrays.items() if array.shape == shape)
    output = next(name for name, array in arrays.items() if array.shape == shape[::-1])
    assert np.array_equal(arrays[embedding], arrays[output].T)
    kept = [tensor for tensor in graph.graph.initializer if tensor.name != output]
    del graph.graph.initializer[:]
    graph.graph.initializer.extend(kept)
    graph.graph.node.insert(0, onnx.helper.make_node("Transpose", [embedding], [output], "tied_embedding", perm=[1, 0]))
    return graph


def share_weights(graphs: list[onnx.ModelProto], path: Path) -> None:
    """Moves the weights to one file, equal ones once."""
    places: dict[str, tuple[int, int]] = {}
    with path.open("wb") as file:
        for tensor in (tensor for graph in graphs for tensor in graph.graph.initializer):
            data = tensor.raw_data
            if len(data) < SHARED_FROM:
                continue
            key = hashlib.sha256(data).hexdigest()
            if key not in places:
                file.write(bytes(-file.tell() % ALIGNMENT))
                places[key] = (file.tell(), len(data))
                file.write(data)
            offset, length = places[key]
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            for name, value in (("location", path.name), ("offset", offset), ("length", length)):
                tensor.external_data.add(key=name, value=str(value))


def write_configs(folder: Path, heads: list[list[int]], tokenizer_json: str) -> None:
    write_json(folder / "config.json", json.loads(config().to_json_string(use_diff=False)))
    write_json(folder / "generation_config.json", json.loads(generation_config(heads).to_json_string(ignore_metadata=True)))
    write_json(folder / "tokenizer_config.json", tokenizer_config())
    (folder / "tokenizer.json").write_text(without_timestamps(tokenizer_json) + "\n")
    features = {"chunk_length": 30, "feature_size": 80, "hop_length": 160, "n_fft": 400, "n_samples": 480_000}
    padding = {"nb_max_frames": 3000, "padding_side": "right", "padding_value": 0.0, "sampling_rate": 16_000}
    names = {"feature_extractor_type": "WhisperFeatureExtractor", "processor_class": "WhisperProcessor"}
    write_json(folder / "preprocessor_config.json", {**features, **padding, **names, "return_attention_mask": False})


def without_timestamps(tokenizer_json: str) -> str:
    """As in OpenAI's English models, whose timestamps follow `<|notimestamps|>` unlisted."""
    tokenizer = json.loads(tokenizer_json)
    tokenizer["added_tokens"] = [token for token in tokenizer["added_tokens"] if token["special"]]
    return json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))


def check(model: Model, folder: Path) -> None:
    """The files give what PyTorch gives, up to half precision; prints the errors over the values' deviation."""
    features = torch.rand(1, 80, 3000, generator=torch.Generator().manual_seed(3)) * 1.6 - 0.8
    ids = torch.randint(0, 1000, (1, 12), generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        encoding = WholeWindow(model.encoder)(features)
        logits = model.decode(ids, encoding)
    open_graph = lambda name: onnxruntime.InferenceSession(str(folder / name), options(), ["CPUExecutionProvider"])
    (ours,) = open_graph("encoder_model_fp16.onnx").run(None, {"input_features": features.numpy()})
    report("encoder", encoding.numpy(), ours)
    first = open_graph("decoder_model_fp16.onnx")
    given = {"input_ids": ids[:, :-1].numpy(), "encoder_hidden_states": encoding.numpy()}
    before = dict(zip([output.name for output in first.get_outputs()], first.run(None, given)))
    report("prompt", logits[:, :-1].numpy(), before["logits"])
    step = open_graph("decoder_with_past_model_fp16.onnx")
    past = {f"past_key_values{name.removeprefix('present')}": value for name, value in before.items() if name.startswith("present")}
    wanted = {value.name for value in step.get_inputs()}
    (after, *_) = step.run(["logits"], {name: value for name, value in {"input_ids": ids[:, -1:].numpy(), **past}.items() if name in wanted})
    report("step", logits[:, -1:].numpy(), after)


def options() -> onnxruntime.SessionOptions:
    # ONNX Runtime 1.26 takes a layer norm in float16 for an RMS norm on a CPU.
    chosen = onnxruntime.SessionOptions()
    chosen.add_session_config_entry("optimization.disable_specified_optimizers", "SimplifiedLayerNormFusion")
    return chosen


def report(name: str, expected: np.ndarray, found: np.ndarray) -> None:
    error = float(np.sqrt(np.mean((expected - found) ** 2)) / expected.std())
    print(f"{name}: error {100 * error:.3f} %")
    assert error < 0.02, name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1])
    given = parser.parse_args()
    torch.set_num_threads(2)
    model = load_model(given.work)
    graphs = given.output / "onnx"
    graphs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        decoders = [tie_embedding(halved(path)) for path in export_decoder(model, folder)]
        export_encoder(model, folder / "encoder.onnx")
        onnx.save(halved(folder / "encoder.onnx"), graphs / "encoder_model_fp16.onnx")
    share_weights(decoders, graphs / SHARED)
    for graph, name in zip(decoders, ("decoder_model", "decoder_with_past_model")):
        onnx.save(graph, graphs / f"{name}_fp16.onnx")
    tokenizer = load_tokenizer(given.work)
    write_configs(given.output, alignment_heads(model, tokenizer, given.work), tokenizer.to_str())
    check(model, graphs)
    size = sum(path.stat().st_size for path in given.output.rglob("*") if path.suffix in (".json", ".onnx", ".onnx_data"))
    print(f"{size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
