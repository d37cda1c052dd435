import type { Response } from 'express';
import type { DIARIZATION_FORMATS, DiarizationResult } from '../../contract/diarization.ts';
import { rttmName, writeRttm } from '../../text/rttm.ts';
import { toSrt, toVtt } from '../../text/subtitles.ts';

/** Renders a finished diarization in the format asked for. */
export function sendDiarization(
  response: Response,
  { duration, turns, exclusive, speakers }: DiarizationResult,
  format: (typeof DIARIZATION_FORMATS)[number],
): void {
  const answer = {
    duration,
    speakers,
    segments: turns,
    usage: { type: 'duration', seconds: Math.ceil(duration) } as const,
  };
  if (format === 'json') response.json(answer);
  else if (format === 'verbose_json') response.json({ task: 'diarize', ...answer, exclusive_segments: exclusive });
  else if (format === 'rttm') sendText(response, rttmOf(turns));
  else {
    const cues = turns.map(({ start, end, speaker }) => ({ start, end, text: speaker }));
    sendText(response, format === 'srt' ? toSrt(cues) : toVtt(cues));
  }
}

/** The recording has no name of its own. */
const RECORDING = 'audio';

export function rttmOf(turns: DiarizationResult['turns']): string {
  return writeRttm(
    RECORDING,
    turns.map((turn) => ({ ...turn, speaker: rttmName(turn.speaker) })),
  );
}

/** Not JSON-typed: clients would parse it. */
function sendText(response: Response, text: string): void {
  response.type('text/plain; charset=utf-8').send(text);
}
