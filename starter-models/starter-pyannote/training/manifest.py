"""Writes conversations to be judged by: python manifest.py --work DIR --part heldout|development --to FOLDER [--count N]

`FOLDER/manifest.jsonl` is what `npm run eval -- --manifest` reads; audio in Opus, reference turns in RTTM.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

import numpy as np

import features as f
from conversation import Mixer
from generate import SEEDS
from utterances import Store


def write_opus(samples: np.ndarray, path: Path) -> None:
    command = ["ffmpeg", "-v", "error", "-y", "-f", "f32le", "-ar", str(f.SAMPLE_RATE), "-ac", "1", "-i", "-"]
    # Without chapters of encoder versions, so that the same conversation is the same file.
    subprocess.run([*command, "-b:a", "32k", "-bitexact", str(path)], input=samples.tobytes(), check=True)


def rttm(name: str, spans: list[tuple[int, int, int]]) -> str:
    rate = f.SAMPLE_RATE
    return "".join(
        f"SPEAKER {name} 1 {start / rate:.3f} {(end - start) / rate:.3f} <NA> <NA> voice{who + 1} <NA> <NA>\n"
        for start, end, who in spans
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--part", choices=("development", "heldout"), required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    mixer = Mixer(Store(options.work / options.part), np.random.default_rng(9_000 + SEEDS[options.part]))
    lines = []
    for number in range(options.count):
        name = f"{options.part}-{number + 1}"
        made = mixer.conversation(mixer.pick_speakers(2 + number % 3), options.seconds * f.SAMPLE_RATE)
        write_opus(made.samples, options.to / f"{name}.opus")
        (options.to / f"{name}.rttm").write_text(rttm(name, made.spans))
        lines.append(json.dumps({"audio": f"{name}.opus", "rttm": f"{name}.rttm"}) + "\n")
    (options.to / "manifest.jsonl").write_text("".join(lines))


if __name__ == "__main__":
    main()
