"""
Makes the clips that `npm run demo` and the tests use, of voices and music that no starter model was trained with:
`generate.py --track DIR/held-out/NN`, a folder that `../starter-demucs/training/generate.py held-out` has written.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from speech.augment import make_noise
from speech.signal import SAMPLE_RATE
from speech.voices import HELD_OUT_VOICES, Voice

SENTENCE = "Please bring my black coat and two bottles of water to the kitchen."
"""One that starter-whisper writes without a mistake, for the tests; what it makes of others is told by its card."""
CONVERSATION = (
    ("A", "Good morning. Did you find the small green book that I left on the table?"),
    ("B", "Yes, I put it in the kitchen, next to the window."),
    ("A", "Thank you. We have twenty minutes before the train leaves."),
    ("B", "Then we should go now. Please bring my black coat and two bottles of water."),
    ("A", "The weather is warm today, so you will not need a coat."),
    ("B", "All right, but it may rain in the evening."),
)
SONG_SECONDS = 6
STEMS = ("vocals", "drums")


def voice(engine: str, speaker: str) -> Voice:
    return next(v for v in HELD_OUT_VOICES if v.engine == engine and v.speaker == speaker and v.scale == 1)


def write(name: str, samples: np.ndarray) -> None:
    """[n] float32 mono at 16 kHz → a flac file, with a little noise."""
    noisy = samples + make_noise(len(samples), np.random.default_rng(5)) * 10 ** (-50 / 20) * np.abs(samples).max()
    pcm = (np.clip(noisy, -1, 1) * 32_767).astype("<i2").tobytes()
    raw = ["-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", "-"]
    subprocess.run(["ffmpeg", "-loglevel", "error", "-y", *raw, str(HERE / name)], input=pcm, check=True)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * SAMPLE_RATE), np.float32)


def speech() -> None:
    said = voice("espeak", "en-us+f4").say(SENTENCE)
    write("sentence.flac", np.concatenate([silence(0.4), said, silence(0.4)]))
    (HERE / "sentence.txt").write_text(SENTENCE + "\n")
    speakers = {"A": voice("flite", "rms"), "B": voice("espeak", "en-us+f4")}
    parts, turns = [silence(0.5)], []
    for speaker, text in CONVERSATION:
        start = sum(map(len, parts)) / SAMPLE_RATE
        parts += [speakers[speaker].say(text), silence(0.5)]
        turns.append((start, len(parts[-2]) / SAMPLE_RATE, speaker))
    write("conversation.flac", np.concatenate(parts))
    rttm = [f"SPEAKER conversation 1 {at:.3f} {length:.3f} <NA> <NA> {who} <NA> <NA>\n" for at, length, who in turns]
    (HERE / "conversation.rttm").write_text("".join(rttm))
    (HERE / "conversation.txt").write_text("".join(f"{who}: {text}\n" for who, text in CONVERSATION))


def song(track: Path) -> None:
    for name in ("mixture", *STEMS):
        target = "song.flac" if name == "mixture" else f"song-{name}.flac"
        options = ["-t", str(SONG_SECONDS), "-sample_fmt", "s16", "-compression_level", "12"]
        subprocess.run(
            ["ffmpeg", "-loglevel", "error", "-y", "-i", str(track / f"{name}.wav"), *options, str(HERE / target)], check=True
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--track", type=Path, required=True)
    arguments = parser.parse_args()
    speech()
    song(arguments.track)
