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


def phones(text: str) -> list[str]:
    """`Hello.` → `h @ l oU`; stress and the differences between neighbours' variants are left out."""
    command = ["espeak-ng", "-v", "en-us", "-q", "-x", "--sep=_", "--stdin"]
    said = subprocess.run(command, input=text.encode(), check=True, capture_output=True).stdout.decode()
    plain = (re.sub(r"[^A-Za-z@03-]", "", part) for part in re.split(r"[\s_|]+", said))
    return [phone for phone in plain if phone in IDS_OF]
