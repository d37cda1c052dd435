"""WER of the PyTorch model by greedy decoding, for a look during training; what counts is `npm run eval`."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from features import log_mel
from model import BLANK, Model
from tokens import IDS, load_tokenizer

LONGEST = 220  # tokens


def load_model(work: Path) -> Model:
    model = Model()
    model.load_state_dict(torch.load(work / "checkpoint.pt")["averaged"])
    return model.eval()


@torch.no_grad()
def transcribe(model: Model, features: Tensor) -> tuple[list[int], list[int]]:
    """[1, 80, 3000] → the decoder's pieces, and those that the encoder alone spells by CTC."""
    encoding = model.encoder(features)
    written = [IDS.sot, IDS.no_timestamps]
    while len(written) < LONGEST:
        logits = model.decode(torch.tensor([written]), encoding)[0, -1]
        logits[IDS.sot :] = -torch.inf
        written.append(int(logits.argmax()))
        if written[-1] == IDS.eot:
            break
    best = model.ctc(encoding)[0].argmax(dim=-1).tolist()
    spelled = [piece for before, piece in zip([BLANK, *best], best) if piece not in (before, BLANK)]
    return [piece for piece in written[2:] if piece < IDS.eot], spelled


def words(text: str) -> list[str]:
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def errors(reference: list[str], hypothesis: list[str]) -> int:
    row = list(range(len(hypothesis) + 1))
    for i, expected in enumerate(reference, 1):
        before, row[0] = row[0], i
        for j, found in enumerate(hypothesis, 1):
            before, row[j] = row[j], min(before + (expected != found), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def read_audio(path: Path) -> Tensor:
    """[1, 480000]: the first 30 s, padded."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "s16le", "-ac", "1", "-ar", "16000", "-t", "30", "-"]
    data = np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, np.int16)
    return torch.nn.functional.pad(torch.from_numpy(data.astype(np.float32) / 32768), (0, 480_000 - len(data)))[None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--show", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, tokenizer = load_model(options.work), load_tokenizer(options.work)
    lines = [json.loads(line) for line in options.manifest.read_text().splitlines()][: options.count]
    wrong, by_ctc, total = 0, 0, 0
    for index, line in enumerate(line for line in lines if line.get("language", "en") == "en"):
        pieces, spelled = transcribe(model, log_mel(read_audio(options.manifest.parent / line["audio"])))
        reference = words(line["text"])
        text, heard = decoded(tokenizer, pieces), decoded(tokenizer, spelled)
        wrong, by_ctc, total = wrong + errors(reference, words(text)), by_ctc + errors(reference, words(heard)), total + len(reference)
        if index < options.show:
            print(f"{line['audio']}\n  said    {line['text']}\n  written {text}\n  spelled {heard}")
    print(f"WER {100 * wrong / total:.1f} %, by CTC {100 * by_ctc / total:.1f} %, {total} words")


def decoded(tokenizer: Tokenizer, pieces: list[int]) -> str:
    return tokenizer.decode(pieces).strip()


if __name__ == "__main__":
    main()
