"""English with a foreign accent: festival's voices for other languages read the phones, times and pitch that its `kal_diphone` would use.

Phones of kal_diphone's set `radio` are written as one or several of the language's; where two are joined they share the time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .engines import command_festival, quoted, to_file

SAME = "b d f g k l m n p r s t v z".split()
NEUTRAL_HERTZ = 100.0
"""kal_diphone's pitch."""


@dataclass(frozen=True)
class Language:
    silence: str
    phones: dict[str, str]
    """English → the language's, with spaces between several, empty for none."""


@dataclass(frozen=True)
class Segment:
    phone: str
    seconds: float
    targets: list[tuple[float, float]]
    """Seconds from the segment's start, Hz."""


def language(silence: str, text: str) -> Language:
    """`text`: lines of `english=theirs`, with `+` between several."""
    pairs = (pair.split("=") for pair in text.split())
    return Language(silence, {**{phone: phone for phone in SAME}, **{ours: theirs.replace("+", " ") for ours, theirs in pairs}})


ITALIAN = language(
    "#",
    """aa=a1 ae=E1 ah=a1 ao=O1 aw=a1+u ax=e axr=e+r ay=a1+i eh=E1 er=E1+r ey=e1+i ih=i iy=i1 ow=o1+u oy=O1+i uh=u uw=u1
    ch=tS jh=dZ sh=S zh=Z th=t dh=d hh= ng=n+g w=w y=j dx=d el=e+l em=e+m en=e+n""",
)
CZECH = language(
    "#",
    """aa=a: ae=e: ah=a ao=o: aw=a+u ax=e axr=e+r ay=a+j eh=e er=e:+r ey=e+j ih=i iy=i: ow=o+u oy=o+j uh=u uw=u:
    ch=c~ jh=d~+z~ sh=s~ zh=z~ th=s dh=z hh=h ng=n+g w=u y=j dx=d el=e+l em=e+m en=e+n""",
)
FINNISH = language(
    "#",
    """aa=a: ae=@ ah=a ao=o: aw=a+u ax=7 axr=7+r ay=a+i eh=e er=7:+r ey=e+i ih=i iy=i: ow=o+u oy=o+i uh=u uw=u:
    ch=t+s jh=d+s sh=s zh=s th=t dh=d hh=h ng=N w=v y=j z=s dx=d el=e+l em=e+m en=e+n""",
)
FINNISH_WITH_LOANS = language(
    "#", " ".join(f"{ours}={theirs.replace(' ', '+')}" for ours, theirs in FINNISH.phones.items()) + " ch=t+S sh=S zh=S th=T w=w"
)
SPEAKERS: dict[str, tuple[Language, float]] = {
    "lp_diphone": (ITALIAN, 190),
    "pc_diphone": (ITALIAN, 115),
    "czech_dita": (CZECH, 200),
    "czech_krb": (CZECH, 230),
    "czech_machac": (CZECH, 105),
    "czech_ph": (CZECH, 105),
    "suo_fi_lj_diphone": (FINNISH, 180),
    "hy_fi_mv_diphone": (FINNISH_WITH_LOANS, 105),
}
"""festival's name of the voice → its language, its pitch in Hz."""
GAP = 0.012
"""Seconds of silence between two phones that the language does not join."""
MISSING = "using default diphone"


def run_accented(voice: str, text: str, rate: float) -> tuple[np.ndarray, int]:
    spoken, hertz = SPEAKERS[voice]
    segments = translate(english_segments(text, rate), spoken, hertz / NEUTRAL_HERTZ)
    missing: list[str] = []
    found = to_file(lambda path: say_segments(voice, segments, path, missing))
    return to_file(lambda path: say_segments(voice, part(segments, set(missing), spoken.silence), path, [])) if missing else found


def say_segments(voice: str, segments: list[Segment], path: str, missing: list[str]) -> None:
    """What the voice has no recording of (`a-b`) is added to `missing`."""
    written = " ".join(f"({each.phone} {each.seconds:.4f} {targets(each)})" for each in segments)
    script = f"(voice_{voice})(utt.save.wave (utt.synth (Utterance Segments ({written}))) \"{path}\" 'riff)"
    command_festival(script, lambda line: missing.append(line.split()[-1]) if MISSING in line else None)


def targets(segment: Segment) -> str:
    return " ".join(f"({at:.4f} {pitch:.1f})" for at, pitch in segment.targets)


def part(segments: list[Segment], missing: set[str], silence: str) -> list[Segment]:
    """With gaps where the voice cannot join."""
    found: list[Segment] = []
    for segment in segments:
        if found and f"{found[-1].phone}-{segment.phone}" in missing:
            found.append(Segment(silence, GAP, []))
        found.append(segment)
    return found


def english_segments(text: str, rate: float) -> list[Segment]:
    lines: list[str] = []
    steps = "Text Token_POS Token POS Phrasify Word Pauses Intonation PostLex Duration Int_Targets".split()
    command_festival(
        f"(voice_kal_diphone)(Parameter.set 'Duration_Stretch {1 / rate:.3f})"
        f'(set! said (Utterance Text "{quoted(text)}"))(Initialize said)'
        + "".join(f"({step} said)" for step in steps)
        + """(mapcar (lambda (s) (format stderr "S %s %f\\n" (item.name s) (item.feat s 'end))) (utt.relation.items said 'Segment))"""
        """(mapcar (lambda (s) (format stderr "T %f %f\\n" (item.feat s 'pos) (item.feat s 'f0))) (utt.relation.leafs said 'Target))""",
        lines.append,
    )
    ends = [(name, float(end)) for _, name, end in (line.split() for line in lines if line.startswith("S "))]
    pitches = [(float(at), float(hertz)) for _, at, hertz in (line.split() for line in lines if line.startswith("T "))]
    starts = [0.0, *(end for _, end in ends)]
    return [
        Segment(name, end - start, [(at - start, hertz) for at, hertz in pitches if start <= at < end])
        for start, (name, end) in zip(starts, ends)
    ]


def translate(segments: list[Segment], spoken: Language, pitch: float) -> list[Segment]:
    """`pitch`: a ratio. Two of the same phone become one."""
    found: list[Segment] = []
    for segment, following in zip(segments, [*segments[1:], None]):
        silent = segment.phone in ("pau", "h#", "brth")
        names = [spoken.silence] if silent else spoken.phones[segment.phone].split()
        if segment.phone == "ng" and following and following.phone in ("g", "k"):
            names = names[:1]
        share = segment.seconds / max(1, len(names))
        for place, name in enumerate(names):
            inside = [(at - place * share, hertz * pitch) for at, hertz in segment.targets if place * share <= at < (place + 1) * share]
            if found and found[-1].phone == name:
                last = found.pop()
                inside = [*last.targets, *((at + last.seconds, hertz) for at, hertz in inside)]
                found.append(Segment(name, last.seconds + share, inside))
            else:
                found.append(Segment(name, share, inside))
    return found
