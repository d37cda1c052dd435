/** STM (NIST's segment time marked transcripts): who said what, one utterance a line. */

export interface StmUtterance {
  /** The recording's name, without its extension by custom. */
  file: string;
  speaker: string;
  /** Seconds. */
  start: number;
  end: number;
  text: string;
}

/**
 * Lines of `file channel speaker start end [<label>] text`, in their order; empty ones and comments (`;;`) are passed over.
 * @throws Error that names the line at fault, counted from 1.
 */
export function parseStm(source: string): StmUtterance[] {
  return source.split('\n').flatMap((line, index) => {
    if (line.trim() === '' || line.trimStart().startsWith(';;')) return [];
    const place = `STM line ${index + 1}`;
    const match = /^\s*(\S+)\s+\S+\s+(\S+)\s+(\S+)\s+(\S+)(?:\s+<[^>]*>)?(?:\s+(.*?))?\s*$/.exec(line);
    const [, file, speaker, start, end, text = ''] = match ?? [];
    if (file === undefined || speaker === undefined) throw new Error(`${place}: 5 fields and a text are expected`);
    // Scored by leaving that time out, which cannot be done without the hypothesis' word times.
    if (/ignore_time_segment_in_scoring/i.test(text)) throw new Error(`${place}: times to ignore are not supported`);
    const [from, to] = [Number(start), Number(end)];
    if (!(from <= to)) throw new Error(`${place}: '${start}' to '${end}' is not a span of time`);
    return [{ file, speaker, start: from, end: to, text }];
  });
}
