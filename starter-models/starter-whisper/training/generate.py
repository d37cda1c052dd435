"""Says sentences by the training's voices into shards, or by the held-out voices into files with a manifest.

A shard `00012.npz` holds `samples` (int16, all utterances one after the other, 16 kHz), `ends` (of each, in samples),
`texts` and `phones`. It is a function of the seed and its number: an interrupted run continues with the next one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from multiprocessing import Pool
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from phones import phones
from speech import vocabulary
from speech.augment import augment
from speech.sentences import sentence
from speech.signal import SAMPLE_RATE
from speech.voices import ACCENTED_VOICES, HELD_OUT_VOICES, INVENTED_VOICES, RESHAPED_VOICES, TRAINING_VOICES, choose_voice

VOICES = (*TRAINING_VOICES, *INVENTED_VOICES, *RESHAPED_VOICES, *ACCENTED_VOICES)
TRAINING_SEED, HELD_OUT_SEED = 21_000, 7
PER_SHARD = 400  # about 15 minutes
MAX_SECONDS = 14
# The few voices made of a person's recordings are the nearest to people: more of them than their number would give.
TRAINING_SHARES = {"espeak": 0.45, "flite": 0.37, "festival": 0.18}
KINDS = {"mixed": TRAINING_SHARES, "wide": TRAINING_SHARES, "reshaped": {"reshaped": 1.0}, "accented": {"accented": 1.0}}
"""Of shards, in the order that seeds them, and who speaks in them. `wide`: all words of the list alike, rather than mostly common ones."""
HELD_OUT_SHARES = {"espeak": 1, "flite": 1, "festival": 1}
BITRATE = "20k"


def utterance(rng: np.random.Generator, voices, shares: dict[str, float]) -> tuple[np.ndarray, str, str]:
    """Samples (float32), text, voice. What an engine fails at or says too long is drawn again."""
    while True:
        text, voice = sentence(rng), choose_voice(rng, voices, shares)
        try:
            samples = voice.say(text, rate=rng.uniform(0.85, 1.25), pitch=rng.uniform(0.95, 1.05))
        except (subprocess.SubprocessError, RuntimeError, ValueError, EOFError) as error:
            print("again:", voice.name, text, error, file=sys.stderr)
            continue
        if 0.15 * SAMPLE_RATE < len(samples) < MAX_SECONDS * SAMPLE_RATE:
            return samples, text, voice.name


def write_shard(job: tuple[Path, int, str]) -> str:
    folder, number, kind = job
    path = folder / f"{'' if kind == 'mixed' else kind[0]}{number:05d}.npz"
    if path.exists():
        return f"{path.name} is there"
    if kind == "wide":
        vocabulary.RARE = 1
    rng = np.random.default_rng([TRAINING_SEED, list(KINDS).index(kind), number])
    said = [utterance(rng, VOICES, KINDS[kind]) for _ in range(PER_SHARD)]
    samples = np.concatenate([(part * 32767).astype(np.int16) for part, _, _ in said])
    ends = np.cumsum([len(part) for part, _, _ in said])
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        texts = [text for _, text, _ in said]
        np.savez(file, samples=samples, ends=ends, texts=texts, phones=[" ".join(line) for line in phones(texts)])
    unfinished.rename(path)
    return f"{path.name}: {len(samples) / SAMPLE_RATE / 60:.1f} minutes"


def write_held_out(folder: Path, count: int) -> None:
    """Half of them disturbed as little as a fair recording is, in Opus, and `manifest.jsonl`."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(HELD_OUT_SEED)
    with (folder / "manifest.jsonl").open("w") as manifest:
        for index in range(count):
            samples, text, voice = utterance(rng, HELD_OUT_VOICES, HELD_OUT_SHARES)
            quiet = np.zeros(SAMPLE_RATE // 4, np.float32)
            samples = np.concatenate([quiet, samples, quiet])
            if index % 2:
                samples = augment(samples, rng, strength=0.5)
            name = f"{index:03d}-{voice}.opus"
            encode(samples, folder / name)
            manifest.write(json.dumps({"audio": name, "language": "en", "text": text}) + "\n")


def encode(samples: np.ndarray, path: Path) -> None:
    source = ["-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", "-"]
    command = ["ffmpeg", "-v", "error", "-y", *source, "-c:a", "libopus", "-b:a", BITRATE, str(path)]
    subprocess.run(command, input=(np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes(), check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--shards", type=int, default=60, help="how many")
    parser.add_argument("--kind", choices=list(KINDS), default="mixed", help="of shards")
    parser.add_argument("--first", type=int, default=0, help="shard")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--held-out", type=Path, help="write the held-out set to this folder instead")
    parser.add_argument("--count", type=int, default=120, help="sentences of the held-out set")
    options = parser.parse_args()
    if options.held_out:
        return write_held_out(options.held_out, options.count)
    folder = options.work / "speech"
    folder.mkdir(parents=True, exist_ok=True)
    with Pool(options.workers) as pool:
        for said in pool.imap(write_shard, [(folder, options.first + number, options.kind) for number in range(options.shards)]):
            print(said, flush=True)


if __name__ == "__main__":
    main()
