"""Trains, or goes on from the last checkpoint, to a number of steps; the last `--decay` of them lower the learning rate to 0."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from data import IGNORED, Batch, Batches
from encoder import STRIDE
from model import BLANK, Model, count_parameters
from optimizer import make_optimizers

RATE = 2.5e-3
WARM_UP = 100
CLIP = 1.0
CTC_SHARE = 0.5
AVERAGING = 0.99
"""Of the weights that are exported, each step."""
SAVE_SECONDS = 120


def losses(model: Model, batch: Batch, decode: bool) -> tuple[Tensor, Tensor]:
    """Of the decoder's next token (0 without `decode`) and of the encoder's CTC."""
    next_token = torch.zeros(())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        encoding = model.encoder(batch.features)
        spelled = model.ctc(encoding).float().log_softmax(-1).transpose(0, 1)
        logits = model.decode(batch.inputs, encoding).float() if decode else None
    if logits is not None:
        next_token = functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED)
    heard = batch.text_lengths > 0
    positions = torch.clamp(-(-batch.positions * 2 // STRIDE), max=encoding.shape[1])
    ctc = functional.ctc_loss(
        spelled[:, heard], batch.text, positions[heard], batch.text_lengths[heard], blank=BLANK, zero_infinity=True
    )
    return next_token, ctc


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
    parser.add_argument("--listen", type=int, default=600, help="steps of the encoder alone at the beginning")
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

    batches = Batches(options.work, options.seconds, options.windows, seed=step)
    loader = iter(DataLoader(batches, batch_size=None, num_workers=1, prefetch_factor=4))
    torch.set_num_threads(options.threads)
    saved = logged = time.monotonic()
    sums, count = torch.zeros(2), 0
    while step < options.steps:
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            group["lr"] = rate_at(step, options.steps, options.decay)
        next_token, ctc = losses(model, next(loader), decode=step >= options.listen)
        (next_token + CTC_SHARE * ctc).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        step += 1
        average(averaged, model, step)
        sums += torch.tensor([next_token.item(), ctc.item()])
        count += 1
        now = time.monotonic()
        if step % 50 == 0:
            token_loss, ctc_loss = (sums / count).tolist()
            print(f"step {step} next {token_loss:.3f} ctc {ctc_loss:.3f} {(now - logged) / count:.2f} s", flush=True)
            sums, count, logged = torch.zeros(2), 0, now
        if now - saved > SAVE_SECONDS or step == options.steps:
            states = [optimizer.state_dict() for optimizer in optimizers]
            save(path, step=step, model=model.state_dict(), averaged=averaged.state_dict(), optimizers=states)
            saved = now


if __name__ == "__main__":
    main()
