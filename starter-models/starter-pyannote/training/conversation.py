"""Mixes utterances into conversations: turns, pauses, overlap, back-channels, distances, rooms and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import features as f
from utterances import ROOMS, Store, Utterance

RATE = f.SAMPLE_RATE
MOST_AT_ONCE = 2
BEFORE = 5 * RATE
"""Samples of conversation made before the first one that is kept, so that it may begin within a turn."""
NOISE_SECONDS = 40
ALIKE = 0.6
"""How often a speaker is to be like another one."""
CLOSE_PITCH = 0.12
"""Natural logarithm of the ratio: two semitones."""


@dataclass(frozen=True)
class Manner:
    """How a conversation goes; shares of turns and mean seconds."""

    overlap: float
    backchannel: float
    same_again: float
    pause: float
    long_pause: float


@dataclass(frozen=True)
class Conversation:
    """[n] float32 in −1 … 1, and (start, end, place in the list of speakers) in samples."""

    samples: np.ndarray
    spans: list[tuple[int, int, int]]


class Mixer:
    def __init__(self, store: Store, rng: np.random.Generator):
        self.store = store
        self.rng = rng
        self.noises = self.make_noises()

    def pick_speakers(self, count: int) -> list[int]:
        """By chance as many times as they have utterances, no two of one identity."""
        picked: dict[str, int] = {}
        while len(picked) < count:
            utterance = self.store.utterances[int(self.rng.integers(len(self.store.utterances)))]
            picked.setdefault(self.store.identities[utterance.speaker], utterance.speaker)
        return list(picked.values())

    def pick_alike(self, count: int) -> list[int]:
        """As `pick_speakers`, but mostly hard to tell apart: close in pitch, and made of one voice, or both natural, or both not."""
        store, rng = self.store, self.rng
        picked = self.pick_speakers(1)
        while len(picked) < count:
            like = picked[int(rng.integers(len(picked)))]
            close = np.abs(store.pitches - store.pitches[like]) < CLOSE_PITCH
            kin = store.kins == store.kins[like] if rng.random() < 0.5 else store.synthetic == store.synthetic[like]
            candidates = np.flatnonzero(close & kin) if rng.random() < ALIKE else np.arange(0)
            chosen = int(rng.choice(candidates)) if len(candidates) else self.pick_speakers(1)[0]
            if all(store.identities[chosen] != store.identities[other] for other in picked):
                picked.append(chosen)
        return picked

    def conversation(self, speakers: list[int], samples: int) -> Conversation:
        rng = self.rng
        manner = Manner(rng.uniform(0, 0.4), rng.uniform(0, 0.3), rng.uniform(0.05, 0.4), rng.uniform(0.1, 0.8), 0.08)
        room = int(rng.integers(len(ROOMS)))
        gains = 10 ** (rng.uniform(-8, 0, len(speakers)) / 20)
        total = samples + BEFORE
        mixed = np.zeros(total, dtype=np.float32)
        voices = np.zeros((total // 160 + 1, len(speakers)), dtype=bool)
        spans: list[tuple[int, int, int]] = []

        def place(who: int, piece: tuple[Utterance, int, int], at: int) -> int:
            """Mixes `piece` in unless too many would talk at once; returns its end."""
            utterance, first, last = piece
            end = min(at + last - first, total)
            grid = slice(max(at, 0) // 160, max(end, 0) // 160 + 1)
            others = np.delete(voices[grid], who, axis=1).sum(axis=1)
            if at < 0 or end <= at or voices[grid, who].any() or (others >= MOST_AT_ONCE).any():
                return at
            # Behind the last span a room rings on.
            heard = self.store.samples(utterance, room)[first : last + 4_000][: total - at]
            mixed[at : at + len(heard)] += heard * np.float32(gains[who])
            for start, stop in utterance.spans:
                start, stop = at + max(start, first) - first, min(at + min(stop, last) - first, total)
                if stop > start:
                    voices[start // 160 : stop // 160 + 1, who] = True
                    spans.append((start - BEFORE, stop - BEFORE, who))
            return end

        who, at = int(rng.integers(len(speakers))), int(rng.uniform(0, RATE))
        while at < total:
            begin, end = at, place(who, self.piece(speakers[who], 0.35), at)
            others = [other for other in range(len(speakers)) if other != who]
            if others and end - begin > RATE and rng.random() < manner.backchannel:
                short = self.piece(speakers[int(rng.choice(others))], 1.0, longest=0.8)
                listener = speakers.index(short[0].speaker)
                place(listener, short, int(rng.uniform(begin, end)))
            if others and rng.random() > manner.same_again:
                who = int(rng.choice(others))
                overlaps = rng.random() < manner.overlap
            else:
                overlaps = False
            pause = rng.exponential(manner.pause) + 0.02 if rng.random() > manner.long_pause else rng.uniform(1, 5)
            step = -min(rng.uniform(0.1, 1.8) * RATE, 0.6 * (end - begin)) if overlaps else pause * RATE
            at = max(begin + 1_600, int(end + step))
        kept = [(max(start, 0), end, who) for start, end, who in spans if end > 0]
        return Conversation(self.with_noise(mixed[BEFORE:]), sorted(kept))

    def piece(self, speaker: int, cut_share: float, longest: float = 6.0) -> tuple[Utterance, int, int]:
        """An utterance and the samples of it to take: all, or with a probability of `cut_share` a part."""
        rng = self.rng
        utterances = self.store.by_speaker[speaker]
        utterance = utterances[int(rng.integers(len(utterances)))]
        last = utterance.spans[-1][1]
        if rng.random() > cut_share:
            return utterance, 0, last
        length = int(min(rng.uniform(0.3, longest) * RATE, last))
        first = int(rng.integers(0, last - length + 1))
        return utterance, first, first + length

    def with_noise(self, speech: np.ndarray) -> np.ndarray:
        """At 5 to 40 dB, or none; then at some level."""
        rng = self.rng
        power = float((speech**2).mean()) + 1e-6
        if rng.random() < 0.8:
            noise = self.noises[int(rng.integers(len(self.noises)))]
            start = int(rng.integers(0, len(noise) - 1))
            taken = np.resize(np.concatenate([noise[start:], noise[:start]]), len(speech))
            speech = speech + taken * np.float32(np.sqrt(power * 10 ** (-rng.uniform(5, 40) / 10)))
        peak = 10 ** (rng.uniform(-26, -1) / 20)
        return (speech * np.float32(peak / (np.abs(speech).max() + 1e-5))).astype(np.float32)

    def make_noises(self) -> list[np.ndarray]:
        """Noises of power 1: of several colours, steady and not, hum, and many voices at once."""
        rng, count = self.rng, NOISE_SECONDS * RATE
        noises = []
        frequencies = np.fft.rfftfreq(count, 1 / RATE)
        for slope in (0.0, 0.5, 1.0, 1.5, 2.0, 1.0, 0.7):
            shape = np.maximum(frequencies, 30.0) ** -slope * (frequencies > 20)
            # A few broad resonances.
            for _ in range(3):
                centre, width = rng.uniform(100, 7000), rng.uniform(100, 2000)
                shape *= 1 + rng.uniform(0, 4) * np.exp(-(((frequencies - centre) / width) ** 2))
            spectrum = shape * np.exp(2j * np.pi * rng.random(len(shape)))
            noise = np.fft.irfft(spectrum, count)
            points = rng.uniform(0.1, 1, NOISE_SECONDS * 2) ** rng.uniform(0, 1.5)
            noises.append(noise * np.interp(np.arange(count), np.linspace(0, count, len(points)), points))
        time = np.arange(count) / RATE
        mains = rng.choice([50.0, 60.0])
        hum = sum(np.sin(2 * np.pi * mains * k * time + k) / k for k in range(1, 9))
        noises.append(hum + 0.2 * noises[0] / noises[0].std())
        for _ in range(2):
            babble = np.zeros(count, dtype=np.float32)
            for _ in range(NOISE_SECONDS * 5):
                utterance = self.store.utterances[int(rng.integers(len(self.store.utterances)))]
                said = self.store.samples(utterance, len(ROOMS) - 1)
                at = int(rng.integers(0, count - 1))
                babble[at : at + len(said)] += said[: count - at]
            noises.append(babble)
        return [(noise / np.sqrt((noise**2).mean())).astype(np.float32) for noise in noises]
