"""A synthesised drum kit and its patterns."""

from __future__ import annotations

from typing import Callable

import numpy as np

from palette import Palette, draw
from synth import RATE, noise_band

Hit = Callable[[], np.ndarray]

#: Sixteenths of a bar, a line for each drum: probability of a hit in tenths (x: always, .: never).
PATTERNS: dict[str, dict[str, str]] = {
    "rock": {"kick": "x......3x.2.....", "snare": "....x.......x..2", "hat": "x.x.x.x.x.x.x.x."},
    "floor": {"kick": "x...x...x...x..2", "snare": "....x.......x...", "hat": "..x...x...x...x.", "clap": "....5.......5..."},
    "funk": {"kick": "x..5..x...x..4..", "snare": "....x..3.3..x..4", "hat": "xxxxxxxxxxxxxxxx"},
    "half": {"kick": "x.....3...5.....", "snare": "........x.......", "hat": "x.x.x.x3x.x.x.x5"},
    "random": {"kick": "x..3..4.5..3..4.", "snare": "..2.8..2.2..8..2", "hat": "7575757575757575", "tom": "..1..1....1..1.2"},
    "sixteen": {"kick": "x.....x.....x...", "snare": "....x.......x...", "hat": "x7x7x7x7x7x7x7x7", "rim": "..3..3....3..3.."},
    "shuffle": {"kick": "x.......x..3....", "snare": "....x.......x...", "hat": "x..xx..xx..xx..x"},
    "boombap": {"kick": "x.4....5..x.....", "snare": "....x.......x.2.", "hat": "x.x.x.xxx.x.x.x."},
    "disco": {"kick": "x...x...x...x...", "snare": "....x.......x..4", "hat": "x.xxx.xxx.xxx.xx", "clap": "....x.......x..."},
    "broken": {"kick": "x.....x...3..5..", "snare": "....x..4....x...", "hat": "x5x.x5x.x.5xx.5.", "tom": "...........2.2.."},
}


def drum_track(palette: Palette, starts: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """[2, count]; `starts` are the samples at which the sixteenths begin, from a bar's first on."""
    kit = _kit(palette, rng)
    pattern = PATTERNS[palette.patterns[rng.integers(len(palette.patterns))]]
    hats = rng.uniform() < 0.85
    made = np.zeros((2, count + 4 * RATE), dtype=np.float32)
    pans = {name: rng.uniform(-0.5, 0.5) if name not in ("kick", "snare") else rng.uniform(-0.1, 0.1) for name in kit}
    levels = {name: 10 ** (rng.normal(0, 2.5) / 20) for name in kit}
    filling = rng.uniform(0.2, 0.8)

    def place(name: str, start: int, velocity: float) -> None:
        variants = kit[name]
        hit = variants[rng.integers(len(variants))]
        at = max(0, start + int(rng.normal(0, 0.003) * RATE))
        gain = velocity * levels[name]
        angle = (pans[name] + 1) * np.pi / 4
        for channel, side in enumerate((np.cos(angle), np.sin(angle))):
            made[channel, at : at + len(hit)] += (gain * side) * hit[: made.shape[1] - at]

    for step, start in enumerate(starts):
        bar, at = divmod(step, 16)
        if start >= count:
            break
        if at >= 12 and bar % 4 == 3 and rng.uniform() < filling:
            place(("tom", "snare", "low-tom")[rng.integers(3)], start, rng.uniform(0.5, 1))
            continue
        if at == 0 and bar % 4 == 0 and rng.uniform() < 0.5:
            place("crash", start, rng.uniform(0.3, 0.7))
        for name, line in pattern.items():
            chance = {"x": 1.0, ".": 0.0}.get(line[at]) if line[at] in "x." else int(line[at]) / 10
            if (name != "hat" or hats) and rng.uniform() < chance:
                accent = 1.0 if at % 4 == 0 else 0.8
                open_hat = name == "hat" and at % 8 == 6 and rng.uniform() < 0.3
                place("open-hat" if open_hat else name, start, accent * rng.uniform(0.6, 1))
    return made[:, :count]


def _kit(palette: Palette, rng: np.random.Generator) -> dict[str, list[np.ndarray]]:
    """Three takes of each drum."""
    kick, snare, hat, tom = (draw(each, rng) for each in (palette.kick_hz, palette.snare_hz, palette.hat_hz, palette.tom_hz))
    style = {
        "kick": (rng.uniform(0.08, 0.35), rng.uniform(60, 220), rng.uniform(0.01, 0.05), rng.uniform(0, 0.5)),
        "snare": (rng.uniform(0.05, 0.2), rng.uniform(0.3, 0.9), rng.uniform(0.06, 0.22), rng.uniform(5000, 14_000)),
        "hat": (rng.uniform(0.015, 0.06), rng.uniform(0, 0.9)),
        "tom": (rng.uniform(0.12, 0.35), rng.uniform(0.02, 0.3)),
    }

    def tone(hz: float, sweep: float, tau: float, decay: float, click: float) -> np.ndarray:
        time = np.arange(int(min(1.5, decay * 6) * RATE)) / RATE
        phase = np.cumsum(hz + sweep * np.exp(-time / tau)) / RATE
        burst = noise_band(len(time), 800, 8000, rng) * np.exp(-time / 0.004) * click
        return np.sin(2 * np.pi * phase) * np.exp(-time / decay) * np.minimum(1, time / 0.001) + burst

    def noisy(low: float, high: float, decay: float, seconds: float) -> np.ndarray:
        count = int(seconds * RATE)
        return noise_band(count, low, high, rng) * np.exp(-np.arange(count) / RATE / decay)

    def metal(decay: float, seconds: float) -> np.ndarray:
        """Six square waves that share no harmonic, above `hat` Hz, and noise."""
        count = int(seconds * RATE)
        time = np.arange(count) / RATE
        base = rng.uniform(0.97, 1.03) * hat / 16
        squares = sum(np.sign(np.sin(2 * np.pi * base * ratio * time)) for ratio in (2, 3.04, 4.16, 5.43, 6.79, 8.21))
        spectrum = np.fft.rfft(squares)
        hz = np.fft.rfftfreq(count, 1 / RATE) + 1
        high = np.fft.irfft(spectrum / (1 + (hat / hz) ** 6), count)
        mixed = style["hat"][1] * high / (np.abs(high).max() + 1e-9)
        mixed = mixed + (1 - style["hat"][1]) * noise_band(count, hat, 18_000, rng)
        return mixed * np.exp(-time / decay)

    def a_snare() -> np.ndarray:
        body_decay, share, decay, high = style["snare"]
        wires = noisy(1200, high, decay * rng.uniform(0.9, 1.1), 0.5)
        body = np.zeros_like(wires)
        sound = tone(snare * rng.uniform(0.99, 1.01), 60, 0.02, body_decay, 0)
        body[: len(sound)] = sound[: len(body)]
        return share * wires + (1 - share) * body

    def a_clap() -> np.ndarray:
        one = noisy(900, 4500, 0.09, 0.4)
        made = np.zeros(len(one) + 2000)
        for delay in (0, 480, 1000):
            made[delay : delay + len(one)] += one * (0.5 if delay < 1000 else 1)
        return made / 1.5

    kick_decay, kick_sweep, kick_tau, kick_click = style["kick"]
    tom_decay, tom_click = style["tom"]
    drums: dict[str, Hit] = {
        "kick": lambda: tone(kick * rng.uniform(0.99, 1.01), kick_sweep, kick_tau, kick_decay, kick_click),
        "snare": a_snare,
        "clap": a_clap,
        "rim": lambda: 0.6 * tone(snare * 4, 200, 0.003, 0.012, 0.4),
        "hat": lambda: 0.35 * metal(style["hat"][0], 0.2),
        "open-hat": lambda: 0.35 * metal(style["hat"][0] * 6, 0.8),
        "crash": lambda: 0.5 * metal(0.7, 3.0),
        "tom": lambda: 0.8 * tone(tom * rng.uniform(0.98, 1.02), 40, 0.05, tom_decay, tom_click),
        "low-tom": lambda: 0.8 * tone(tom * 0.7, 30, 0.05, tom_decay, tom_click),
    }
    return {name: [make().astype(np.float32) for _ in range(3)] for name, make in drums.items()}
