"""Muon for the layers' matrices, AdamW for all else: on a CPU every step counts, and this needs fewer.

Muon: K. Jordan et al. 2024; update scaled as in Moonlight (arXiv:2502.16982), so that one learning rate serves both.
"""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor, nn

ROUNDS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
MOMENTUM = 0.95
DECAY = 0.01


class Muon(torch.optim.Optimizer):
    def __init__(self, matrices: list[nn.Parameter], lr: float) -> None:
        super().__init__(matrices, {"lr": lr})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    by_shape[matrix.shape].append(matrix)
            for shape, matrices in by_shape.items():
                updates = orthogonal(torch.stack([self.direction(matrix) for matrix in matrices]))
                size = 0.2 * max(shape) ** 0.5 * group["lr"]
                for matrix, update in zip(matrices, updates):
                    matrix.mul_(1 - group["lr"] * DECAY).sub_(update.float(), alpha=size)

    def direction(self, matrix: nn.Parameter) -> Tensor:
        """Nesterov's."""
        momentum = self.state[matrix].setdefault("momentum", torch.zeros_like(matrix))
        momentum.lerp_(matrix.grad, 1 - MOMENTUM)
        return matrix.grad.lerp(momentum, MOMENTUM)


def orthogonal(matrices: Tensor) -> Tensor:
    """[B, m, n] → nearly its singular vectors alone (Newton and Schulz)."""
    a, b, c = COEFFICIENTS
    found = matrices.bfloat16()
    tall = found.shape[1] > found.shape[2]
    if tall:
        found = found.transpose(1, 2)
    found = found / (found.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(ROUNDS):
        square = found @ found.transpose(1, 2)
        found = a * found + (b * square + c * square @ square) @ found
    return found.transpose(1, 2) if tall else found


def make_optimizers(model: nn.Module, lr: float) -> list[torch.optim.Optimizer]:
    layers = (".layers.", ".lower.", ".upper.")
    in_layers = {
        name for name, value in model.named_parameters() if value.ndim == 2 and any(part in name for part in layers)
    }
    matrices = [value for name, value in model.named_parameters() if name in in_layers]
    others = [value for name, value in model.named_parameters() if name not in in_layers]
    return [Muon(matrices, lr), torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.98), weight_decay=0.0, foreach=True)]
