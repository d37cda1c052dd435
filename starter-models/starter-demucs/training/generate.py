"""
Makes the music: `generate.py utterances|training|held-out --work DIR`.

Training tracks are written as spectra alone, float16 amplitudes [4, 2, frames, cells] (drums, bass, other, vocals; see
network.py), held-out ones as wav files with the manifest that `npm run eval` reads. A track depends on its number and its set's seed alone: generation may be interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
import wave
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))
from music import accompaniment, compose
from mixing import master
from palette import HELD_OUT, TRAINING, Palette
from network import STEMS, merge
from synth import RATE
from transform import spectrum_of
from vocals import vocal_track

SEEDS = {"training": 1, "held-out": 2}
SECONDS = 12


def utterances(work: Path, part: str, each: int) -> None:
    """`each` sentences by every voice of a set: DIR/utterances/<part>/<voice>-<n>.npy, float32 at 16 kHz."""
    from speech.sentences import sentence
    from speech.voices import HELD_OUT_VOICES, TRAINING_VOICES

    folder = work / "utterances" / part
    folder.mkdir(parents=True, exist_ok=True)
    voices = TRAINING_VOICES if part == "training" else HELD_OUT_VOICES
    for number, voice in enumerate(voices):
        # espeak-ng's many variants are much alike.
        if voice.engine == "espeak" and number % 3:
            continue
        rng = np.random.default_rng([SEEDS[part], 100, number])
        for take in range(each):
            text, rate, pitch = sentence(rng), rng.uniform(0.85, 1.15), rng.uniform(0.85, 1.25)
            path = folder / f"{number:03d}-{take}.npy"
            if not path.exists():
                np.save(path, voice.say(text, rate=rate, pitch=pitch).astype(np.float32))


def track(palette: Palette, number: int, voices: list[list[Path]]) -> np.ndarray:
    """[4, 2, n] float32, the stems of one track."""
    rng = np.random.default_rng([SEEDS[palette.name], number])
    piece = compose(palette, SECONDS, rng)
    stems = accompaniment(piece, rng)
    takes = voices[rng.integers(len(voices))]
    stems["vocals"] = vocal_track(piece, [np.load(takes[i]) for i in rng.permutation(len(takes))], rng)
    levels = {"drums": 0, "bass": -1, "other": -1, "vocals": 1}
    gains = [10 ** ((levels[stem] + rng.normal(0, 2.5)) / 20) for stem in STEMS]
    return master(np.stack([gain * stems[stem] for gain, stem in zip(gains, STEMS)]), rng)


def voices_of(work: Path, part: str) -> list[list[Path]]:
    """The recorded sentences of each voice."""
    found: dict[str, list[Path]] = {}
    for path in sorted((work / "utterances" / part).glob("*.npy")):
        found.setdefault(path.name.split("-")[0], []).append(path)
    return list(found.values())


def training(work: Path, first: int, last: int) -> None:
    folder = work / "training"
    folder.mkdir(parents=True, exist_ok=True)
    voices = voices_of(work, "training")
    for number in range(first, last):
        path = folder / f"{number:05d}.npy"
        if path.exists():
            continue
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            spectra = spectrum_of(torch.from_numpy(track(TRAINING, number, voices)))
            np.save(file, merge(spectra.abs() ** 2).sqrt().half().numpy())
        part.rename(path)


def held_out(work: Path, count: int) -> None:
    folder = work / "held-out"
    voices = voices_of(work, "held-out")
    lines = []
    for number in range(count):
        stems = np.round(track(HELD_OUT, number, voices) * 32_767).astype(np.int16)
        name = f"{number:02d}"
        (folder / name).mkdir(parents=True, exist_ok=True)
        for stem, samples in zip(STEMS, stems):
            write_wav(folder / name / f"{stem}.wav", samples)
        write_wav(folder / name / "mixture.wav", stems.sum(axis=0).clip(-32_768, 32_767).astype(np.int16))
        sources = {stem: f"{name}/{stem}.wav" for stem in STEMS}
        lines.append(json.dumps({"mixture": f"{name}/mixture.wav", "sources": sources}))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")


def write_wav(path: Path, samples: np.ndarray) -> None:
    """int16 [2, n] at 44.1 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.T.copy().tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("utterances", "training", "held-out"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--first", type=int, default=0, help="number of the first training track")
    parser.add_argument("--last", type=int, default=500, help="number after the last training track")
    parser.add_argument("--count", type=int, default=16, help="held-out tracks")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "utterances":
        utterances(options.work, "training", 6)
        utterances(options.work, "held-out", 8)
    elif options.what == "training":
        training(options.work, options.first, options.last)
    else:
        held_out(options.work, options.count)


if __name__ == "__main__":
    main()
