"""Equal error rate of the exported embedding: python speaker_error.py FOLDER_OF_CLIPS [--model FILE]

Every pair of clips is a trial; a clip's speaker is its file's name up to the first hyphen (LibriSpeech's naming).
"""

from __future__ import annotations

import argparse
import subprocess
from itertools import combinations
from pathlib import Path

import numpy as np
import onnxruntime

import features as f


def equal_error(same: np.ndarray, different: np.ndarray) -> tuple[float, float]:
    """The rate at which misses and false alarms are closest, and the cosine there."""
    thresholds = np.unique(np.concatenate([same, different]))
    misses = np.array([(same < threshold).mean() for threshold in thresholds])
    alarms = np.array([(different >= threshold).mean() for threshold in thresholds])
    at = int(np.abs(misses - alarms).argmin())
    return float(misses[at] + alarms[at]) / 2, float(thresholds[at])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--model", type=Path, default=Path(__file__).parents[1] / "onnx/model.onnx")
    options = parser.parse_args()
    session = onnxruntime.InferenceSession(options.model, providers=["CPUExecutionProvider"])
    voices = []
    for path in sorted(file for file in options.clips.iterdir() if file.suffix in {".flac", ".wav", ".opus"}):
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-ar", str(f.SAMPLE_RATE), "-ac", "1", "-f", "f32le", "-"]
        samples = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, "<f4")
        feeds = {"fbank": f.fbank(samples)[None], "weights": np.ones((1, f.FRAMES), dtype=np.float32)}
        embedding = session.run(None, feeds)[0][0]
        voices.append((path.name.split("-")[0], embedding / np.linalg.norm(embedding)))
    trials = [(a[0] == b[0], float(a[1] @ b[1])) for a, b in combinations(voices, 2)]
    same = np.array([cosine for is_same, cosine in trials if is_same])
    different = np.array([cosine for is_same, cosine in trials if not is_same])
    rate, threshold = equal_error(same, different)
    print(f"{len(voices)} clips, {len(same)} trials of one speaker and {len(different)} of two: EER {100 * rate:.1f} % at "
          f"cosine {threshold:.2f}; same {same.mean():.2f} ± {same.std():.2f}, different {different.mean():.2f} ± {different.std():.2f}")


if __name__ == "__main__":
    main()
