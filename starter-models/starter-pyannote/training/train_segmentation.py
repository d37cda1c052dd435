"""Trains the segmentation network: python train_segmentation.py --work DIR --minutes N [--rate R]

Resumes from `DIR/segmentation.pt`. Its learning rate falls to nothing by the end of the minutes asked for.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from batches import NOBODY, batches, segmentation_batch
from networks import POWERSET, Segmentation
from run import Run
from utterances import Store

ORDERS = list(itertools.permutations(range(3)))
REUSE = 2
"""Times a batch is learned from, each time with other parts of it hidden."""
WARM_UP_STEPS = 300
VOICE_WEIGHT = 0.3


def class_tables() -> tuple[Tensor, Tensor]:
    """[8] from the bits of who is active to a class, and [6, 7] from class to class for each order of speakers."""
    of_bits = torch.zeros(8, dtype=torch.long)
    for index, members in enumerate(POWERSET):
        of_bits[sum(1 << member for member in members)] = index
    # Three at a time: the mixer makes none, but for the frames at the edges.
    of_bits[7] = POWERSET.index((0, 1))
    orders = torch.tensor(
        [[POWERSET.index(tuple(sorted(order[member] for member in members))) for members in POWERSET] for order in ORDERS]
    )
    return of_bits, orders


OF_BITS, ORDER_CLASSES = class_tables()


def classes_of(active: Tensor) -> Tensor:
    """[B, T, 3] of booleans → [B, T]"""
    return OF_BITS[(active.long() * torch.tensor([1, 2, 4])).sum(dim=2)]


def segmentation_loss(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of the loss under the best order of speakers and under that of their arrival; and the best order's alone."""
    scores = -F.log_softmax(logits.float(), dim=2)
    losses = torch.stack([scores.gather(2, classes[target].unsqueeze(2)).mean(dim=(1, 2)) for classes in ORDER_CLASSES])
    best = losses.min(dim=0).values.mean()
    return 0.5 * (best + losses[0].mean()), best


class VoiceTask(nn.Module):
    """Who talks, told from coarse frames: which training speaker, and whether two frames are of the same one."""

    def __init__(self, speakers: int, width: int = 128):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(speakers, width) * 0.05)
        self.scale = nn.Parameter(torch.tensor([8.0, -4.0]))

    def forward(self, voices: Tensor, speakers: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T, width], [B, T] → the losses of both tasks."""
        directions = F.normalize(voices.float(), dim=2)
        cosines = directions @ F.normalize(self.weight, dim=1).T
        which = F.cross_entropy(16 * cosines.flatten(0, 1), speakers.flatten(), ignore_index=NOBODY)
        alike = self.scale[0] * directions @ directions.transpose(1, 2) + self.scale[1]
        same = speakers.unsqueeze(1) == speakers.unsqueeze(2)
        known = (speakers != NOBODY).unsqueeze(1) & (speakers != NOBODY).unsqueeze(2)
        losses = F.binary_cross_entropy_with_logits(alike, same.float(), reduction="none")
        # Both answers count for a half, however many pairs they are of.
        pair = 0.5 * (losses[known & same].mean() + losses[known & ~same].mean())
        return which, pair


def hidden(features: Tensor) -> Tensor:
    """With a band of mel bins and some stretches of time replaced by the mean, and another level."""
    features = features.clone()
    for row in features:
        low = int(torch.randint(0, 60, ()))
        row[low : low + int(torch.randint(0, 10, ()))] = row.mean()
        start = int(torch.randint(0, 570, ()))
        row[:, start : start + int(torch.randint(0, 12, ()))] = row.mean()
    return features + 0.1 * torch.randn(len(features), 1, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    path = options.work / "segmentation.pt"
    network, task = Segmentation(), VoiceTask(len(Store(options.work / "training").classes))
    optimizer = torch.optim.AdamW([*network.parameters(), *task.parameters()], lr=options.rate, weight_decay=0.01)
    torch.manual_seed(0)
    run = Run(path, network, task, optimizer, options.minutes, WARM_UP_STEPS)
    for batch in batches(segmentation_batch, options.work / "training", 1_000 + run.step):
        target = classes_of(torch.from_numpy(batch["active"]))
        features, speakers = torch.from_numpy(batch["features"]).float(), torch.from_numpy(batch["voices"])
        if run.share >= 1:
            break
        for _ in range(REUSE):
            run.set_rate()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits, voices = network(hidden(features))
            loss, best = segmentation_loss(logits, target)
            voice, pair = task(voices, speakers)
            told = {"loss": loss, "best": best, "voice": voice, "pair": pair}
            run.learn(loss + VOICE_WEIGHT * voice + pair, 1.0, told)
        run.save(every=120)
    run.save()


if __name__ == "__main__":
    main()
