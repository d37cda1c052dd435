"""Says the utterances of a part: python generate.py --work DIR --part training|development|heldout [--each N]

Writes `DIR/<part>/`; what is there is not made again. See utterances.py for the format.
"""

from __future__ import annotations

import argparse
import json
import sys
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from speakers import Speaker, speakers_of
from utterances import FULL_SCALE, ROOMS, in_room, pitch_of, speech_spans

sys.path.insert(0, str(Path(__file__).parents[2]))
from speech.sentences import sentence

SEEDS = {"training": 1, "development": 2, "heldout": 3}
LONGEST = 12 * 16_000


def utterances_of(task: tuple[Speaker, int, tuple[int, int]]) -> list[tuple[list, np.ndarray]]:
    """So many of one speaker: spans and int16 samples [rooms, n], peaks at half of full scale."""
    speaker, each, seed = task
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(each * speaker.weight):
        samples = speaker.say(sentence(rng), rng)[:LONGEST]
        spans = speech_spans(samples)
        if not spans:
            continue
        samples, spans = trimmed(samples, spans)
        rooms = [in_room(samples, seconds, rng) for seconds in ROOMS]
        scaled = [room * (0.5 * FULL_SCALE / np.abs(room).max()) for room in rooms]
        made.append((spans, np.stack(scaled).astype("<i2")))
    return made


def trimmed(samples: np.ndarray, spans: list[tuple[int, int]]) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Without what is before the first span; a little of what comes after the last, for rooms to ring."""
    first, last = spans[0][0], spans[-1][1]
    kept = np.zeros(last - first + 4_000, dtype=np.float32)
    tail = samples[first : last + 4_000]
    kept[: len(tail)] = tail
    return kept, [(start - first, end - first) for start, end in spans]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--part", choices=SEEDS, required=True)
    parser.add_argument("--each", type=int, default=5, help="utterances of a speaker")
    options = parser.parse_args()
    folder = options.work / options.part
    if (folder / "index.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    speakers = speakers_of(options.part)
    index, pitches, offset = [], [], 0
    tasks = [(speaker, options.each, (SEEDS[options.part], number)) for number, speaker in enumerate(speakers)]
    with open(folder / "audio.i16", "wb") as audio, Pool(2) as pool:
        for number, made in enumerate(pool.imap(utterances_of, tasks)):
            for spans, rooms in made:
                audio.write(rooms.tobytes())
                index.append({"speaker": number, "offset": offset, "samples": rooms.shape[1], "spans": spans})
                offset += rooms.size
            pitches.append(pitch_of(made[0][1][0]) if made else 120.0)
            print(f"{number + 1}/{len(speakers)} speakers, {offset / 4 / 16_000 / 60:.0f} min", flush=True)
    told = {
        "identities": [speaker.identity for speaker in speakers],
        "kins": [speaker.kin for speaker in speakers],
        "labels": [speaker.label for speaker in speakers],
        "pitches": pitches,
    }
    (folder / "index.json").write_text(json.dumps({**told, "utterances": index}))


if __name__ == "__main__":
    main()
