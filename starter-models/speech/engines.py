"""Runs the speech engines Debian packages: espeak-ng, flite, festival. Each says a text to samples."""

from __future__ import annotations

import subprocess
import tempfile
import wave
from functools import cache
from pathlib import Path
from typing import Callable

import numpy as np

TIMEOUT = 60  # seconds for one sentence
FESTIVAL_DONE = b"said"


def run_espeak(voice: str, text: str, rate: float, tone: int, data: Path | None = None) -> tuple[np.ndarray, int]:
    """`voice` is `accent+variant`, `tone` its own pitch (0 … 99). Samples in ±1 and their rate (22,050 Hz)."""
    words_per_minute = str(int(np.clip(165 * rate, 80, 400)))
    command = ["espeak-ng", "-v", voice, "-s", words_per_minute, "-p", str(tone), "--stdin", *([f"--path={data}"] if data else []), "-w"]
    return to_file(lambda path: run([*command, path], text))


def run_flite(voice: str, text: str, rate: float) -> tuple[np.ndarray, int]:
    stretch = f"duration_stretch={1 / rate:.3f}"
    return to_file(lambda path: run(["flite", "-voice", voice, "--setf", stretch, "-t", text, "-o", path], ""))


def run_festival(voice: str, text: str, rate: float) -> tuple[np.ndarray, int]:
    """By a festival that stays running in this process, as it starts slowly."""
    return to_file(lambda path: command_festival(festival_script(voice, text, rate, path)))


def festival_script(voice: str, text: str, rate: float, path: str) -> str:
    # HTS voices know their own parameter for speed only.
    speed = (
        f'(set! hts_engine_params (append hts_engine_params (list (list "-r" {rate:.3f}))))'
        if voice.endswith("hts")
        else f"(Parameter.set 'Duration_Stretch {1 / rate:.3f})"
    )
    return f"(voice_{voice}){speed}(utt.save.wave (utt.synth (Utterance Text \"{quoted(text)}\")) \"{path}\" 'riff)"


def quoted(text: str) -> str:
    return text.replace("\\", " ").replace('"', " ")


@cache
def festival() -> subprocess.Popen[bytes]:
    # Its stdout is buffered when it is a pipe: it answers on stderr.
    return subprocess.Popen(["festival", "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def command_festival(script: str, read: Callable[[str], object] = lambda line: None) -> None:
    """`read` gets each line that the script writes to stderr."""
    process = festival()
    assert process.stdin and process.stderr
    process.stdin.write(f'(begin {script} (format stderr "\\n{FESTIVAL_DONE.decode()}\\n"))\n'.encode())
    process.stdin.flush()
    for line in process.stderr:
        if line.strip() == FESTIVAL_DONE:
            return
        read(line.decode(errors="replace").strip())
    festival.cache_clear()
    raise RuntimeError("festival ended")


def run(command: list[str], text: str) -> None:
    subprocess.run(command, input=text.encode(), check=True, timeout=TIMEOUT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def to_file(say) -> tuple[np.ndarray, int]:
    with tempfile.NamedTemporaryFile(suffix=".wav", dir=temporary_folder()) as file:
        say(file.name)
        return read_wav(file.name)


def temporary_folder() -> str | None:
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() else None


def read_wav(path: str | Path) -> tuple[np.ndarray, int]:
    """Mono samples of 16 bits → float32 in ±1, and the rate."""
    with wave.open(str(path)) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return data.astype(np.float32) / 32768, file.getframerate()
