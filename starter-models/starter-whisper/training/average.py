"""The mean of two checkpoints' weights: python average.py FIRST SECOND --to FILE

Two ends of one training, each after its own decay, are about as good as one another and err differently.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch


def mean(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Of tensors by name, alike in shape; what is no floating-point number is the second's."""
    return {name: (first[name] + value) / 2 if value.is_floating_point() else value for name, value in second.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--to", type=Path, required=True)
    options = parser.parse_args()
    first, second = (torch.load(path) for path in (options.first, options.second))
    torch.save({**second, **{part: mean(first[part], second[part]) for part in ("model", "averaged")}}, options.to)
