"""Batches for the trainings, made by a process of their own while the network learns."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Full

import numpy as np

import features as f
from conversation import Mixer
from utterances import Store

LOCAL_SPEAKERS = 3
NOBODY = -100
"""Label of frames in which not exactly one speaker talks."""
SEGMENTATION_BATCH = 16
EMBEDDING_BATCH = 32
EMBEDDING_SAMPLES = 48_000
"""3 s: a shorter window than in use, where it is 10 s."""


def segmentation_batch(mixer: Mixer) -> dict[str, np.ndarray]:
    """features [B, 64, 589] float16, active [B, 589, 3] bool in the order of arrival, voices [B, 74] of classes of speakers."""
    made = [segmentation_example(mixer) for _ in range(SEGMENTATION_BATCH)]
    return {name: np.stack([example[name] for example in made]) for name in made[0]}


def segmentation_example(mixer: Mixer) -> dict[str, np.ndarray]:
    rng = mixer.rng
    speakers = mixer.pick_alike(int(rng.choice([1, 2, 3], p=[0.15, 0.4, 0.45])))
    mixed = mixer.conversation(speakers, f.WINDOW_SAMPLES)
    samples, active = mixed.samples, f.frame_activity(mixed.spans, LOCAL_SPEAKERS, f.WINDOW_SAMPLES)
    if rng.random() < 0.1:
        # The end of a recording: silence as the wrapper fills it in.
        end = int(rng.uniform(0.1, 0.95) * f.WINDOW_SAMPLES)
        samples[end:] = 0
        active[max(0, int((end - f.FRAME_SAMPLES / 2) / f.FRAME_STEP)) :] = False
    talks = active.any(axis=0)
    arrival = np.where(talks, active.argmax(axis=0), f.FRAMES + np.arange(LOCAL_SPEAKERS))
    order = np.argsort(arrival, kind="stable")
    names = np.array([mixer.store.class_of[speaker] for speaker in speakers] + [NOBODY] * (LOCAL_SPEAKERS - len(speakers)))
    alone = active.sum(axis=1) == 1
    voices = np.where(alone, names[active.argmax(axis=1)], NOBODY)[::8]
    power = f.segmentation_power(samples) * channel(rng, f.MELS)
    return {
        "features": f.segmentation_features(power).T.astype(np.float16),
        "active": active[:, order],
        "voices": voices,
    }


def channel(rng: np.random.Generator, bands: int) -> np.ndarray:
    """[bands] of power gains: a smooth curve of some dB, sometimes the telephone's band."""
    knots = rng.normal(0, rng.uniform(0, 6), 6)
    curve = np.interp(np.linspace(0, 5, bands), np.arange(6), knots)
    if rng.random() < 0.2:
        band = np.arange(bands) / bands
        curve = curve - 35 * ((band < rng.uniform(0, 0.12)) | (band > rng.uniform(0.6, 0.95)))
    return (10 ** (curve / 10)).astype(np.float32)


def embedding_batch(mixer: Mixer) -> dict[str, np.ndarray]:
    """features [B, T, 80] float16, masks [B, 2, T] of the frames where one talks alone, speakers [B, 2] or NOBODY."""
    made = [embedding_example(mixer) for _ in range(EMBEDDING_BATCH)]
    return {name: np.stack([example[name] for example in made]) for name in made[0]}


def embedding_example(mixer: Mixer) -> dict[str, np.ndarray]:
    rng = mixer.rng
    chosen = mixer.pick_speakers(int(rng.choice([1, 2], p=[0.3, 0.7])))
    mixed = mixer.conversation(chosen, EMBEDDING_SAMPLES)
    samples = mixed.samples
    if rng.random() < 0.1:
        samples[int(rng.uniform(0.4, 0.95) * len(samples)) :] = 0
    features = f.fbank(samples)
    frames = len(features)
    middles = np.arange(frames) * f.FBANK_SHIFT + f.FBANK_LENGTH // 2
    active = np.zeros((2, frames), dtype=bool)
    for start, end, who in mixed.spans:
        active[who] |= (middles >= start) & (middles < end) & (np.abs(samples[middles]).max() > 0)
    masks = active & (active.sum(axis=0) == 1)
    enough = masks.sum(axis=1) >= 40
    speakers = np.array([chosen[who] if who < len(chosen) and enough[who] else NOBODY for who in range(2)])
    # What the mean takes away of a channel is its curve; a band, as the telephone's, leaves little of the bins outside.
    if rng.random() < 0.35:
        low, high = int(rng.integers(0, 14)), int(rng.integers(48, f.FBANK_BINS))
        features[:, :low] *= rng.uniform(0.05, 0.4)
        features[:, high:] *= rng.uniform(0.05, 0.4)
    return {"features": features.astype(np.float16), "masks": masks.astype(np.float32), "speakers": speakers}


def make_batches(make: Callable[[Mixer], dict], folder: Path, seed: int, queue: multiprocessing.Queue) -> None:
    mixer = Mixer(Store(folder), np.random.default_rng(seed))
    parent = multiprocessing.parent_process()
    while parent is not None and parent.is_alive():
        batch = make(mixer)
        while parent.is_alive():
            try:
                queue.put(batch, timeout=5)
                break
            except Full:
                continue


def batches(make: Callable[[Mixer], dict], folder: Path, seed: int, ahead: int = 4) -> Iterator[dict]:
    """Without end; each seed makes others."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue(ahead)
    context.Process(target=make_batches, args=(make, folder, seed, queue), daemon=True).start()
    while True:
        yield queue.get()
