/** Timed text → the `srt` and `vtt` response formats, as the open-source Whisper writes them. */

export interface Cue {
  /** Seconds from the start of the file. */
  start: number;
  end: number;
  text: string;
}

/** SubRip: numbered from 1, comma before the milliseconds. No cues → an empty string. */
export function toSrt(cues: readonly Cue[]): string {
  return cues.map((cue, index) => `${index + 1}\n${times(cue, ',')}\n${cueText(cue.text)}\n\n`).join('');
}

/** WebVTT. Hours are always written, in two digits: clients read times as `\d{2}:\d{2}:\d{2}`. */
export function toVtt(cues: readonly Cue[]): string {
  return `WEBVTT\n\n${cues.map((cue) => `${times(cue, '.')}\n${cueText(cue.text)}\n\n`).join('')}`;
}

/** An end before the start (a model's timestamps may cross) is moved to the start. */
function times({ start, end }: Cue, separator: string): string {
  return `${timestamp(start, separator)} --> ${timestamp(Math.max(start, end), separator)}`;
}

/** Seconds → `HH:MM:SS,mmm`, rounded to the millisecond; hours take more digits from 100 on. */
function timestamp(seconds: number, separator: string): string {
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
