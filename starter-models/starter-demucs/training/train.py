"""Trains the separator: `train.py --work DIR --steps N`; continues DIR/checkpoint.pt where there is one."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from data import WIDTHS, Tracks, mix
from network import Separator

BATCH, FRAMES = 4, 128
LEARNING_RATE, WARM_UP = 2e-3, 100
SEED = 3


def loss_of(shares: Tensor, power: Tensor, own: Tensor, product: Tensor) -> Tensor:
    """
    |share · mixture − stem| over bins, relative to the mixture's amplitude: as it is, which is what SI-SDR hears, and
    divided by the root of the mixture's amplitude, so that what is quiet counts too.
    """
    error = torch.sqrt((shares**2 * power.unsqueeze(1) - 2 * shares * product + own).clamp(min=0) + 1e-6) * WIDTHS
    amplitude = torch.sqrt(power + 1e-6)
    plain = error.sum((1, 2, 3, 4)) / (amplitude * WIDTHS).sum((1, 2, 3))
    root = amplitude.sqrt()
    compressed = (error / root.unsqueeze(1)).sum((1, 2, 3, 4)) / (root * WIDTHS).sum((1, 2, 3))
    return (plain + 0.3 * compressed).mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True, help="at which the learning rate has fallen to nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    tracks = Tracks(options.work / "training")
    model = Separator().to(memory_format=torch.channels_last)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.995), use_buffers=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=1e-3)
    path, step = options.work / "checkpoint.pt", 0
    if path.exists():
        saved = torch.load(path)
        model.load_state_dict(saved["model"])
        average.load_state_dict(saved["average"])
        optimizer.load_state_dict(saved["optimizer"])
        step = saved["step"]
    rng = np.random.default_rng([SEED, step])
    torch.manual_seed(SEED + step)
    began, losses = time.time(), []
    while step < options.steps:
        rate = min(1, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / options.steps)) * LEARNING_RATE
        for group in optimizer.param_groups:
            group["lr"] = rate
        power, own, product = mix(tracks.batch(BATCH, FRAMES, rng))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            shares = model(power)
        loss = loss_of(shares, power, own, product)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        average.update_parameters(model)
        losses.append(loss.item())
        step += 1
        if step % 20 == 0:
            print(f"{step} loss {np.mean(losses[-20:]):.4f} lr {rate:.5f} {time.time() - began:.0f} s", flush=True)
        if step % 100 == 0 or step == options.steps:
            states = {"model": model, "average": average, "optimizer": optimizer}
            torch.save({"step": step, **{name: each.state_dict() for name, each in states.items()}}, path.with_suffix(".part"))
            path.with_suffix(".part").rename(path)
            tracks.reload()


if __name__ == "__main__":
    main()
