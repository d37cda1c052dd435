"""Trains, or goes on from the last checkpoint, to a number of steps; the last `--decay` of them lower the learning rate to 0."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from data import IGNORED, Batch, Batches, Targets
from model import BLANK, Model, count_parameters
from optimizer import make_optimizers
from phones import SILENT
from tokens import IDS, PIECES

RATE = 2.5e-3
WARM_UP = 100
CLIP = 1.0
MISREAD_SHARE = 0.1
PIECES_SHARE, PHONES_SHARE = 0.4, 0.2
AVERAGING = 0.99
"""Of the weights that are exported, each step."""
SAVE_SECONDS = 120


def misread(ids: Tensor) -> Tensor:
    """Some pieces replaced by any: the decoder shall go on hearing after a mistake of its own."""
    wrong = (ids < IDS.eot) & (torch.rand(ids.shape) < MISREAD_SHARE)
    return torch.where(wrong, torch.randint(PIECES, ids.shape), ids)


def losses(model: Model, batch: Batch, decode: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Of the decoder's next token (0 without `decode`), of the encoder's pieces, and of its lower half's phonemes."""
    next_token = torch.zeros(())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        lower = model.encoder.begin(batch.features)
        encoding = model.encoder.finish(lower)
        phones, pieces = model.phones(lower), model.ctc(encoding)
        logits = model.decode(misread(batch.inputs), encoding).float() if decode else None
    if logits is not None:
        next_token = functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED)
    return next_token, ctc(pieces, batch.pieces, batch.filled, BLANK), ctc(phones, batch.phones, batch.filled, SILENT)


def ctc(logits: Tensor, targets: Targets, filled: Tensor, blank: int) -> Tensor:
    heard = targets.lengths > 0
    if not heard.any():
        return torch.zeros(())
    positions = torch.ceil(filled[heard] * logits.shape[1]).long()
    spelled = logits.float().log_softmax(-1).transpose(0, 1)[:, heard]
    return functional.ctc_loss(spelled, targets.ids, positions, targets.lengths[heard], blank=blank, zero_infinity=True)


def rate_at(step: int, steps: int, decay: int) -> float:
    return RATE * min(1, (step + 1) / WARM_UP) * min(1, max(0, steps - step) / max(1, decay))


def average(averaged: Model, model: Model, step: int) -> None:
    keep = min(AVERAGING, (1 + step) / (10 + step))
    with torch.no_grad():
        torch._foreach_lerp_(list(averaged.parameters()), list(model.parameters()), 1 - keep)


def save(path: Path, **state: object) -> None:
    unfinished = path.with_suffix(".part")
    torch.save(state, unfinished)
    unfinished.rename(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--decay", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=150, help="of audio in a batch")
    parser.add_argument("--windows", type=float, default=0.0, help="share of batches of whole windows of 30 s")
    parser.add_argument("--strength", type=float, default=1.0, help="of the disturbances, 0 … 1; less lets it begin faster")
    parser.add_argument("--listen", type=int, default=300, help="steps of the encoder alone at the beginning")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    torch.manual_seed(1)
    model, averaged = Model(), Model()
    averaged.load_state_dict(model.state_dict())
    optimizers = make_optimizers(model, RATE)
    path, step = options.work / "checkpoint.pt", 0
    if path.exists():
        state = torch.load(path)
        model.load_state_dict(state["model"])
        averaged.load_state_dict(state["averaged"])
        for optimizer, stored in zip(optimizers, state["optimizers"]):
            optimizer.load_state_dict(stored)
        step = state["step"]
    print(f"{count_parameters(model):,} parameters, from step {step}", flush=True)

    batches = Batches(options.work, options.seconds, options.windows, options.strength, seed=step)
    loader = iter(DataLoader(batches, batch_size=None, num_workers=1, prefetch_factor=4))
    torch.set_num_threads(options.threads)
    saved = logged = time.monotonic()
    sums, count = torch.zeros(3), 0
    while step < options.steps:
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            group["lr"] = rate_at(step, options.steps, options.decay)
        parts = losses(model, next(loader), decode=step >= options.listen)
        (parts[0] + PIECES_SHARE * parts[1] + PHONES_SHARE * parts[2]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        step += 1
        average(averaged, model, step)
        sums += torch.tensor([part.item() for part in parts])
        count += 1
        now = time.monotonic()
        if step % 25 == 0:
            means = " ".join(f"{name} {mean:.3f}" for name, mean in zip(("next", "pieces", "phones"), sums / count))
            print(f"step {step} {means} {(now - logged) / count:.2f} s", flush=True)
            sums, count, logged = torch.zeros(3), 0, now
        if now - saved > SAVE_SECONDS or step == options.steps:
            states = [optimizer.state_dict() for optimizer in optimizers]
            save(path, step=step, model=model.state_dict(), averaged=averaged.state_dict(), optimizers=states)
            saved = now


if __name__ == "__main__":
    main()
