"""Texts as the phonemes espeak-ng says them with: what the lower half of the encoder learns to hear first."""

from __future__ import annotations

import re
import subprocess

INVENTORY = (
    "t n I s d i l @ a m k r z D E aI w V f p eI v h u b oU N 0 O T g j aU A@ O@ tS dZ o@ S U @L i@ e@ aa r- U@ A OI 3 Z"
).split()
IDS_OF = {phone: index for index, phone in enumerate(INVENTORY)}
SILENT = len(INVENTORY)
"""CTC's blank."""


def phones(texts: list[str]) -> list[list[str]]:
    """`Hello.` → `h @ l oU`; stress and the differences between neighbours' variants are left out."""
    # A line is said for each clause: all but the last point goes.
    clauses = "\n".join(re.sub(r"[^A-Za-z' ]", "", text.replace(".", "")) + "." for text in texts)
    command = ["espeak-ng", "-v", "en-us", "-q", "-x", "--sep=_", "--stdin"]
    lines = subprocess.run(command, input=clauses.encode(), check=True, capture_output=True).stdout.decode().splitlines()
    if len(lines) != len(texts):
        raise RuntimeError(f"espeak-ng says {len(lines)} clauses for {len(texts)} sentences")
    plain = [[re.sub(r"[^A-Za-z@03-]", "", part) for part in re.split(r"[\s_|]+", line)] for line in lines]
    return [[phone for phone in line if phone in IDS_OF] for line in plain]
