"""What both trainings do beside learning: checkpoints, the learning rate's course, and what they print."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import Tensor, nn


class Run:
    """A training of some minutes, behind what earlier ones have left at `path`."""

    def __init__(
        self,
        path: Path,
        network: nn.Module,
        task: nn.Module,
        optimizer: torch.optim.Optimizer,
        minutes: float,
        warm_up_steps: int,
    ):
        self.path, self.network, self.task, self.optimizer = path, network, task, optimizer
        self.seconds, self.warm_up_steps = 60 * minutes, warm_up_steps
        self.rate: float = optimizer.param_groups[0]["lr"]
        self.step = 0
        self.means: dict[str, float] = {}
        if path.exists():
            saved = torch.load(path)
            network.load_state_dict(saved["network"])
            task.load_state_dict(saved["task"])
            optimizer.load_state_dict(saved["optimizer"])
            self.step = saved["step"]
        self.first = self.step
        self.started = self.saved_at = time.monotonic()

    @property
    def share(self) -> float:
        """Of its time that is over."""
        return (time.monotonic() - self.started) / self.seconds

    def set_rate(self) -> None:
        warm = min(1, (self.step - self.first + 1) / self.warm_up_steps)
        self.optimizer.param_groups[0]["lr"] = self.rate * warm * max(0.01, min(1, 1.5 * (1 - self.share)))

    def learn(self, loss: Tensor, clip: float, told: dict[str, Tensor]) -> None:
        """One step down `loss`; prints running means of `told` every 50."""
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), clip)
        self.optimizer.step()
        self.step += 1
        for name, value in told.items():
            self.means[name] = 0.98 * self.means.get(name, value.item()) + 0.02 * value.item()
        if self.step % 50 == 0:
            means = ", ".join(f"{name} {value:.3f}" for name, value in self.means.items())
            print(f"step {self.step}, {(time.monotonic() - self.started) / 60:.1f} min: {means}", flush=True)

    def save(self, every: float = 0) -> None:
        """Unless the last time was less than `every` seconds ago."""
        if time.monotonic() - self.saved_at < every:
            return
        modules = {"network": self.network, "task": self.task, "optimizer": self.optimizer}
        state = {name: module.state_dict() for name, module in modules.items()} | {"step": self.step}
        torch.save(state, self.path.with_suffix(".new"))
        self.path.with_suffix(".new").rename(self.path)
        self.saved_at = time.monotonic()
