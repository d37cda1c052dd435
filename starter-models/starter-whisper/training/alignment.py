"""Which heads of the decoder's cross attention follow the audio in time: word times are made of these."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from data import encode, read_pool
from features import log_mel
from model import Model
from speech.signal import SAMPLE_RATE
from tokens import IDS

SENTENCES = 24
SEED = 11
LEAST_TOKENS = 8


@torch.no_grad()
def alignment_heads(model: Model, tokenizer: Tokenizer, work: Path, kept: int = 3) -> list[list[int]]:
    """The `kept` best [layer, head]: where tokens look rises with the tokens (rank correlation, over long sentences)."""
    pool = read_pool(work, np.random.default_rng(SEED))
    sentences = [(said.samples, encode(tokenizer, said.text)) for said in pool]
    chosen = [item for item in sentences if len(item[1]) >= LEAST_TOKENS][:SENTENCES]
    scores = torch.stack([score(model, samples, pieces) for samples, pieces in chosen]).mean(dim=0)
    order = scores.flatten().argsort(descending=True)[:kept].tolist()
    print("alignment:", [[round(float(value), 2) for value in row] for row in scores])
    return sorted([index // scores.shape[1], index % scores.shape[1]] for index in order)


def score(model: Model, samples: np.ndarray, pieces: list[int]) -> Tensor:
    """[layers, heads], 1 where each token looks later than the one before."""
    audio = torch.nn.functional.pad(torch.from_numpy(samples.astype(np.float32) / 32768), (0, 30 * SAMPLE_RATE - len(samples)))
    encoding = model.encoder(log_mel(audio[None]))
    ids = torch.tensor([[IDS.sot, IDS.no_timestamps, *pieces]])
    attentions = model.decoder(
        input_ids=ids, encoder_hidden_states=encoding, use_cache=False, output_attentions=True
    ).cross_attentions
    looks = torch.stack(attentions)[:, 0, :, 1:-1]  # [layers, heads, tokens, positions]
    middle = looks @ torch.arange(looks.shape[-1], dtype=looks.dtype)
    ranks = middle.argsort(dim=-1).argsort(dim=-1).float()
    expected = torch.arange(ranks.shape[-1], dtype=ranks.dtype)
    centred, against = ranks - ranks.mean(dim=-1, keepdim=True), expected - expected.mean()
    return (centred * against).sum(dim=-1) / (against**2).sum()
