"""Batches for training: single sentences in short crops, or full windows of 30 s with pauses, noise and silence."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import IterableDataset

sys.path.insert(0, str(Path(__file__).parents[2]))

from features import log_mel, mask, other_voices
from phones import IDS_OF
from speech.augment import augment, make_noise
from speech.signal import SAMPLE_RATE, resample
from tokens import IDS, load_tokenizer

WINDOW = 30 * SAMPLE_RATE
SHARDS_AT_ONCE = 6
IGNORED = -100


@dataclass
class Targets:
    """Of a CTC loss."""

    ids: Tensor  # [sum of lengths]
    lengths: Tensor  # [B]


@dataclass
class Batch:
    features: Tensor  # [B, 80, 8n]
    filled: Tensor  # [B], the share of the row that is not padding
    inputs: Tensor  # [B, m] token ids
    labels: Tensor  # [B, m] the next ones; IGNORED where nothing is to be learnt
    pieces: Targets
    phones: Targets


@dataclass(frozen=True)
class Example:
    samples: np.ndarray  # float32
    inputs: list[int]
    labels: list[int]
    pieces: list[int]
    phones: list[int]


@dataclass(frozen=True)
class Utterance:
    samples: np.ndarray  # int16
    text: str
    phones: list[int]


@dataclass(frozen=True)
class Said:
    """A sentence between two times (seconds) of its window."""

    pieces: list[int]
    start: float
    end: float


class Batches(IterableDataset):
    """Endless. `seconds`: of audio in a batch. `windows`, `strength`: shares of whole windows and of disturbance. Each worker draws its own, from the shards there are by then."""

    def __init__(self, work: Path, seconds: int, windows: float, strength: float, seed: int) -> None:
        super().__init__()
        self.work, self.seconds, self.windows, self.strength, self.seed = work, seconds, windows, strength, seed

    def __iter__(self) -> Iterator[Batch]:
        torch.set_num_threads(1)
        info = torch.utils.data.get_worker_info()
        seed = [self.seed, info.id if info else 0]
        rng = np.random.default_rng(seed)
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        tokenizer = load_tokenizer(self.work)
        while True:
            pool = read_pool(self.work, rng)
            for group in group_by_length(pool, self.seconds, rng):
                whole = rng.random() < self.windows
                if whole:
                    rows = [make_window(pool, tokenizer, rng, self.strength) for _ in range(max(1, self.seconds // 30))]
                else:
                    rows = [make_short(pool[index], tokenizer, rng, self.strength) for index in group]
                yield collate(rows, generator, WINDOW if whole else None, rng.random() < self.strength)


def read_pool(work: Path, rng: np.random.Generator) -> list[Utterance]:
    """All utterances of a few shards."""
    shards = sorted((work / "speech").glob("*.npz"))
    pool = []
    for index in rng.permutation(len(shards))[:SHARDS_AT_ONCE]:
        shard = np.load(shards[index])
        samples, starts = shard["samples"], [0, *shard["ends"][:-1]]
        for start, end, text, phones in zip(starts, shard["ends"], shard["texts"], shard["phones"]):
            pool.append(Utterance(samples[start:end], str(text), [IDS_OF[phone] for phone in str(phones).split()]))
    return pool


def group_by_length(pool: list[Utterance], seconds: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """Indices of utterances of about one length, each group's padded sum at most `seconds`; each utterance once."""
    order = sorted(range(len(pool)), key=lambda index: len(pool[index].samples) * rng.uniform(0.9, 1.1))
    groups: list[list[int]] = [[]]
    for index in order:
        if groups[-1] and (len(groups[-1]) + 1) * (len(pool[index].samples) / SAMPLE_RATE + 0.7) > seconds:
            groups.append([])
        groups[-1].append(index)
    return (groups[index] for index in rng.permutation(len(groups)))


def vary_speed(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Also the pitch, as of a tape: float32 from int16."""
    samples = samples.astype(np.float32) / 32768
    return resample(samples, round(len(samples) / rng.uniform(0.84, 1.19))) if rng.random() < 0.7 else samples


def make_short(spoken: Utterance, tokenizer: Tokenizer, rng: np.random.Generator, strength: float) -> Example:
    """One sentence with up to half a second before it and a little after."""
    voice = vary_speed(spoken.samples, rng)
    before, after = (rng.uniform(0, [0.5, 0.3]) * SAMPLE_RATE).astype(int)
    samples = augment(np.pad(voice, (before, after)), rng, strength)
    said = Said(encode(tokenizer, spoken.text), before / SAMPLE_RATE, (before + len(voice)) / SAMPLE_RATE)
    return Example(samples, *tokens_of([said], [], rng), pieces=said.pieces, phones=spoken.phones)


def make_window(pool: list[Utterance], tokenizer: Tokenizer, rng: np.random.Generator, strength: float) -> Example:
    """30 s: mostly several sentences with pauses, sometimes one, sometimes none; then silence as padding, or noise."""
    if rng.random() < 0.06:
        samples = make_noise(WINDOW, rng) * 10 ** rng.uniform(-4, -0.7) * (rng.random() < 0.8)
        samples[int(rng.uniform(0.05, 1) * WINDOW) :] = 0
        # Whoever writes on all the same shall end at once.
        second = IDS.no_timestamps if rng.random() < 0.5 else IDS.first_timestamp
        return Example(samples.astype(np.float32), [IDS.sot, second], [IDS.no_speech, IDS.eot], [], [])
    target = WINDOW * (rng.uniform(0.05, 0.4) if rng.random() < 0.3 else rng.uniform(0.4, 1))
    samples, said, phones = np.zeros(WINDOW, np.float32), [], []
    at, end = int(rng.exponential(0.4) * SAMPLE_RATE), 0
    while True:
        spoken = pool[int(rng.integers(len(pool)))]
        voice = vary_speed(spoken.samples, rng)
        if at + len(voice) > min(target, WINDOW) and said:
            break
        if at + len(voice) > WINDOW:
            at = 0
        samples[at : at + len(voice)] = voice * 10 ** (-rng.uniform(0, 6) / 20)
        end = at + len(voice)
        said.append(Said(encode(tokenizer, spoken.text), at / SAMPLE_RATE, end / SAMPLE_RATE))
        phones += spoken.phones
        at = end + int((rng.exponential(0.5) + 0.05) * SAMPLE_RATE)
    length = WINDOW if rng.random() < 0.2 else min(WINDOW, end + int(rng.uniform(0.05, 1) * SAMPLE_RATE))
    samples[:length] = augment(samples[:length], rng, strength)
    before = encode(tokenizer, pool[int(rng.integers(len(pool)))].text) if rng.random() < 0.15 else []
    pieces = [piece for part in said for piece in part.pieces]
    return Example(samples, *tokens_of(said, before, rng), pieces=pieces, phones=phones)


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer.encode(" " + text, add_special_tokens=False).ids


def tokens_of(said: list[Said], before: list[int], rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Decoder inputs and labels; half of them with timestamps. `before`: the text of the window before, if it is told."""
    prompt = [IDS.previous, *before, IDS.sot] if before else [IDS.sot]
    timed = rng.random() < 0.5
    written = [] if timed else [IDS.no_timestamps]
    for part in said:
        times = IDS.timestamp(part.start), IDS.timestamp(part.end)
        written += [times[0], *part.pieces, times[1]] if timed else part.pieces
    whole = [*prompt, *written, IDS.eot]
    labels = [*[IGNORED] * (len(prompt) - 1), *written, IDS.eot]
    return whole[:-1][:448], labels[:448]


def collate(rows: list[Example], generator: torch.Generator, length: int | None, masked: bool) -> Batch:
    """`length`: samples of each row; without one, that of the longest."""
    longest = length or -(-max(len(row.samples) for row in rows) // 1280) * 1280
    audio = torch.zeros(len(rows), longest)
    width = max(len(row.inputs) for row in rows)
    inputs = torch.full((len(rows), width), IDS.eot)
    labels = torch.full((len(rows), width), IGNORED)
    for index, row in enumerate(rows):
        audio[index, : len(row.samples)] = torch.from_numpy(row.samples)
        inputs[index, : len(row.inputs)] = torch.tensor(row.inputs)
        labels[index, : len(row.labels)] = torch.tensor(row.labels)
    features = log_mel(audio)
    return Batch(
        features=mask(other_voices(features, generator), generator) if masked else features,
        filled=torch.tensor([len(row.samples) / longest for row in rows]),
        inputs=inputs,
        labels=labels,
        pieces=targets([row.pieces for row in rows]),
        phones=targets([row.phones for row in rows]),
    )


def targets(rows: list[list[int]]) -> Targets:
    return Targets(torch.tensor([value for row in rows for value in row]), torch.tensor([len(row) for row in rows]))
