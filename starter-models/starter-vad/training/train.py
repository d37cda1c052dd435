"""Trains the detector: `python train.py --work DIR [--steps 600]`; goes on from DIR/checkpoint.pt."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import torch
from generate import load
from network import Detector, windows_of
from scenes import Scenes
from torch.nn.functional import binary_cross_entropy_with_logits

BATCH = 16
RATE = 2e-3
WARMUP = 100


def rate_at(step: int, steps: int) -> float:
    return RATE * min(1, (step + 1) / WARMUP) * (0.5 + 0.5 * math.cos(math.pi * min(1, step / steps)))


@torch.no_grad()
def measure(model: Detector, scenes: Scenes, batches: int) -> dict[str, float]:
    """Over windows that are all speech or none: the shares that are taken for the other at the threshold of 0.5."""
    model.eval()
    missed = false = speech = silence = 0
    for _ in range(batches):
        samples, share = scenes.batch(BATCH)
        heard = torch.sigmoid(model.logits(windows_of(torch.from_numpy(samples)))).numpy() >= 0.5
        speech += int((share == 1).sum())
        silence += int((share == 0).sum())
        missed += int((~heard & (share == 1)).sum())
        false += int((heard & (share == 0)).sum())
    model.train()
    return {"missed": missed / speech, "false": false / silence}


def train(work: Path, steps: int) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Detector()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    checkpoint = work / "checkpoint.pt"
    done = 0
    if checkpoint.exists():
        stored = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(stored["model"])
        optimizer.load_state_dict(stored["optimizer"])
        done = stored["step"]
    scenes = Scenes(load(work / "training.npz"), seed=done + 1)
    held_out = load(work / "held-out.npz")
    began, total = time.time(), 0.0
    for step in range(done, steps):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, steps)
        samples, share = scenes.batch(BATCH)
        logits = model.logits(windows_of(torch.from_numpy(samples)))
        loss = binary_cross_entropy_with_logits(logits, torch.from_numpy(share))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        total += loss.item()
        if (step + 1) % 100 == 0:
            wrong = measure(model, Scenes(held_out, seed=7), 5)
            print(f"{step + 1} {time.time() - began:.0f} s loss {total / 100:.4f} {wrong}", flush=True)
            total = 0.0
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}, checkpoint)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=600)
    arguments = parser.parse_args()
    train(arguments.work, arguments.steps)
