/** Timed text → the `srt` and `vtt` response formats, as the open-source Whisper writes them. */

export interface Cue {
  /** Seconds from the start of the file. */
  start: number;
  end: number;
  text: string;
  /** Written in front of the text. */
  speaker?: string | undefined;
}

/** A cue whose text is WebVTT's markup already. */
export interface MarkedCue extends Pick<Cue, 'start' | 'end'> {
  markup: string;
}

/** SubRip: numbered from 1, comma before the milliseconds. No cues → an empty string. Speakers as WhisperX: `[A]: text`. */
export function toSrt(cues: readonly Cue[]): string {
  return cues.map((cue, index) => `${index + 1}\n${times(cue, ',')}\n${named(cue)}\n\n`).join('');
}

/**
 * WebVTT. Hours are always written, in two digits: clients read times as `\d{2}:\d{2}:\d{2}`. A cue with a speaker is a
 * voice span, its text escaped; without one the text stands as it is, as Whisper writes it.
 */
export function toVtt(cues: readonly (Cue | MarkedCue)[]): string {
  return `WEBVTT\n\n${cues.map((cue) => `${times(cue, '.')}\n${voiced(cue)}\n\n`).join('')}`;
}

function named({ speaker, text }: Cue): string {
  return cueText(speaker === undefined ? text : `[${oneLine(speaker)}]: ${text.trim()}`);
}

function voiced(cue: Cue | MarkedCue): string {
  if ('markup' in cue) return cue.markup;
  const { speaker, text } = cue;
  return speaker === undefined ? cueText(text) : `<v ${escapeVtt(oneLine(speaker))}>${escapeVtt(cueText(text))}`;
}

export function escapeVtt(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function oneLine(name: string): string {
  return name.trim().replace(/\s+/g, ' ');
}

/** An end before the start (a model's timestamps may cross) is moved to the start. */
function times({ start, end }: Pick<Cue, 'start' | 'end'>, separator: string): string {
  return `${timestamp(start, separator)} --> ${timestamp(Math.max(start, end), separator)}`;
}

/** Seconds → `HH:MM:SS,mmm`, rounded to the millisecond; hours take more digits from 100 on. */
export function timestamp(seconds: number, separator: string): string {
  const total = Math.max(0, Math.round(seconds * 1000));
  const parts = [total / 3_600_000, (total / 60_000) % 60, (total / 1000) % 60];
  const clock = parts.map((part) => String(Math.floor(part)).padStart(2, '0')).join(':');
  return `${clock}${separator}${String(total % 1000).padStart(3, '0')}`;
}

/** An arrow would read as a time line, an empty line would end the cue. */
function cueText(text: string): string {
  return text
    .trim()
    .replace(/-{2,}>/g, '->')
    .replace(/\s*\n\s*/g, '\n');
}
