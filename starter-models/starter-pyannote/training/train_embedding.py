"""Trains the speaker embedding: python train_embedding.py --work DIR --minutes N [--rate R]

Resumes from `DIR/embedding.pt`. Its learning rate falls to nothing by the end of the minutes asked for.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from batches import NOBODY, batches, embedding_batch
from networks import Embedding
from run import Run
from utterances import Store

SCALE = 30.0
MARGIN = 0.2
WARM_UP_STEPS = 200
MARGIN_STEPS = 3_000
"""Steps over which the margin grows."""


class AngularMargin(nn.Module):
    """Additive angular margin softmax (Deng et al., "ArcFace", 2019) over the training speakers."""

    def __init__(self, speakers: int, dimension: int = 128):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(speakers, dimension) * 0.05)

    def forward(self, embeddings: Tensor, speakers: Tensor, margin: float) -> tuple[Tensor, Tensor]:
        """[n, dimension], [n] → loss and the share of right answers."""
        cosines = F.normalize(embeddings, dim=1) @ F.normalize(self.weight, dim=1).T
        own = cosines.gather(1, speakers[:, None]).clamp(-0.999, 0.999)
        logits = cosines.scatter(1, speakers[:, None], torch.cos(torch.acos(own) + margin))
        return F.cross_entropy(SCALE * logits, speakers), (cosines.argmax(dim=1) == speakers).float().mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--rate", type=float, default=2e-3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    path = options.work / "embedding.pt"
    network, task = Embedding(), AngularMargin(Store(options.work / "training").speakers)
    optimizer = torch.optim.AdamW([*network.parameters(), *task.parameters()], lr=options.rate, weight_decay=0.02)
    torch.manual_seed(0)
    run = Run(path, network, task, optimizer, options.minutes, WARM_UP_STEPS)
    for batch in batches(embedding_batch, options.work / "training", 2_000 + run.step):
        if run.share >= 1:
            break
        run.set_rate()
        speakers = torch.from_numpy(batch["speakers"]).flatten()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            made = network(torch.from_numpy(batch["features"]).float(), torch.from_numpy(batch["masks"]))
        known = speakers != NOBODY
        loss, right = task(made.float().flatten(0, 1)[known], speakers[known], MARGIN * min(1, run.step / MARGIN_STEPS))
        run.learn(loss, 5.0, {"loss": loss, "right": right})
        run.save(every=120)
    run.save()


if __name__ == "__main__":
    main()
