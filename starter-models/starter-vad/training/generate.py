"""Says sentences: `python generate.py --work DIR [--count 1200]` writes DIR/{training,held-out}.npz; what is there stays."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from speech.sentences import sentence
from speech.voices import HELD_OUT_VOICES, TRAINING_VOICES, Voice, choose_voice

SHARES = {"espeak": 0.4, "flite": 0.4, "festival": 0.2}


def say(task: tuple[Voice, str, float]) -> np.ndarray:
    voice, text, rate = task
    return (voice.say(text, rate=rate) * 32_767).astype(np.int16)


def generate(path: Path, voices: tuple[Voice, ...], count: int, seed: int) -> None:
    if path.exists():
        return
    rng = np.random.default_rng(seed)
    tasks = [(choose_voice(rng, voices, SHARES), sentence(rng), rng.uniform(0.85, 1.25)) for _ in range(count)]
    with ProcessPoolExecutor(2) as pool:
        said = list(pool.map(say, tasks, chunksize=20))
    np.savez(path, samples=np.concatenate(said), lengths=np.array([len(samples) for samples in said]))


def load(path: Path) -> list[np.ndarray]:
    with np.load(path) as stored:
        ends = np.cumsum(stored["lengths"])
        return [part.astype(np.float32) / 32_768 for part in np.split(stored["samples"], ends[:-1])]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1200)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    generate(arguments.work / "training.npz", TRAINING_VOICES, arguments.count, seed=1)
    generate(arguments.work / "held-out.npz", HELD_OUT_VOICES, arguments.count // 10, seed=1_000_003)
