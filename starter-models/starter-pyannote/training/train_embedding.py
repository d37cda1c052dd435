"""Trains the speaker embedding: python train_embedding.py --work DIR --minutes N [--rate R]

Resumes from `DIR/embedding.pt`. Its learning rate falls to nothing by the end of the minutes asked for.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from batches import NOBODY, batches, embedding_batch
from networks import Embedding
from train_segmentation import save
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
    step = 0
    torch.manual_seed(0)
    if path.exists():
        saved = torch.load(path)
        network.load_state_dict(saved["network"])
        task.load_state_dict(saved["task"])
        optimizer.load_state_dict(saved["optimizer"])
        step = saved["step"]
    started = saved_at = time.monotonic()
    first, means = step, {}
    for batch in batches(embedding_batch, options.work / "training", 2_000 + step):
        share = (time.monotonic() - started) / (60 * options.minutes)
        if share >= 1:
            break
        warm = min(1, (step - first + 1) / WARM_UP_STEPS)
        optimizer.param_groups[0]["lr"] = options.rate * warm * max(0.01, min(1, 1.5 * (1 - share)))
        speakers = torch.from_numpy(batch["speakers"]).flatten()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            made = network(torch.from_numpy(batch["features"]).float(), torch.from_numpy(batch["masks"]))
        known = speakers != NOBODY
        loss, right = task(made.float().flatten(0, 1)[known], speakers[known], MARGIN * min(1, step / MARGIN_STEPS))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        step += 1
        for name, value in (("loss", loss), ("right", right)):
            means[name] = 0.98 * means.get(name, value.item()) + 0.02 * value.item()
        if step % 50 == 0:
            told = ", ".join(f"{name} {value:.3f}" for name, value in means.items())
            print(f"step {step}, {(time.monotonic() - started) / 60:.1f} min: {told}", flush=True)
        if time.monotonic() - saved_at > 120:
            save(path, network, task, optimizer, step)
            saved_at = time.monotonic()
    save(path, network, task, optimizer, step)


if __name__ == "__main__":
    main()
