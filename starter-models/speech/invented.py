"""Variants of espeak-ng that nobody wrote: pitch, formants and sound of the glottis drawn by their number, so that there are many speakers."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

SEED = 31
COUNT = 300
NAMES = tuple(f"drawn{number:03d}" for number in range(COUNT))


def write_variant(number: int) -> str:
    """A file of espeak-ng's `voices/!v`; frequencies, heights and widths of formants in percent of the accent's own."""
    rng = np.random.default_rng([SEED, number])
    high = rng.random() < 0.5
    base = rng.uniform(140, 230) if high else rng.uniform(60, 135)
    tract = rng.uniform(1.02, 1.28) if high else rng.uniform(0.84, 1.1)
    lines = [
        "language variant",
        f"name {NAMES[number]}",
        f"gender {'female' if high else 'male'}",
        f"pitch {base:.0f} {base * rng.uniform(1.15, 1.7):.0f}",
    ]
    for formant in range(9):
        frequency = 100 * tract * float(np.exp(rng.normal(0, 0.06)))
        height = rng.uniform(60, 130) if formant < 4 else rng.uniform(10, 140)
        lines.append(f"formant {formant} {frequency:.0f} {height:.0f} {rng.uniform(75, 160):.0f}")
    optional = {
        "voicing": f"{rng.uniform(40, 150):.0f}",
        "roughness": f"{rng.integers(0, 6)}",
        "flutter": f"{rng.integers(0, 8)}",
        "intonation": f"{rng.integers(1, 5)}",
        "consonants": f"{rng.uniform(50, 140):.0f} {rng.uniform(30, 130):.0f}",
        "echo": f"{rng.uniform(10, 130):.0f} {rng.uniform(3, 25):.0f}",
        "breath": " ".join(str(rng.integers(0, 6)) for _ in range(8)),
        "tone": " ".join(f"{hertz} {rng.uniform(30, 255):.0f}" for hertz in (400, 1500, 3000, 4500)),
        "klatt": f"{rng.integers(1, 7)}",
    }
    shares = {"klatt": 0.15, "echo": 0.2, "breath": 0.25, "tone": 0.4}
    lines += [f"{name} {value}" for name, value in optional.items() if rng.random() < shares.get(name, 0.5)]
    return "\n".join(lines) + "\n"


@cache
def data_folder() -> Path:
    """What `espeak-ng --path` is to be: its own data by links, English alone, and these variants; made once, in the folder for temporary files."""
    folder = Path(tempfile.gettempdir()) / f"espeak-ng-drawn-{SEED}-{COUNT}"
    if not folder.exists():
        unfinished = Path(tempfile.mkdtemp(prefix="espeak-ng-"))
        write_data(unfinished / "espeak-ng-data")
        try:
            unfinished.rename(folder)
        except OSError:
            # Another process was first.
            shutil.rmtree(unfinished)
    return folder


def write_data(folder: Path) -> None:
    told = subprocess.run(["espeak-ng", "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"Data at: (.*)", told)
    assert found
    own = Path(found[1].strip())
    # It knows 349 voices at most.
    (folder / "voices/!v").mkdir(parents=True)
    (folder / "lang").mkdir()
    (folder / "lang/gmw").symlink_to(own / "lang/gmw")
    for path in own.iterdir():
        if path.name not in ("voices", "lang"):
            (folder / path.name).symlink_to(path)
    for number, name in enumerate(NAMES):
        (folder / "voices/!v" / name).write_text(write_variant(number))
