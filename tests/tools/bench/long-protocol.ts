/** What the long-file benchmark asks of its child, and what it hears. */
import type { TranscriptionResult } from '../../../backend/src/contract/transcription.ts';

export interface LongTask {
  /** Of the weights. */
  model: string;
  /** Silero's graph. */
  vad: string;
  audio: string;
  /** Where the first child stores what the second goes on with. */
  folder: string;
  /** Transcribe from the start, and stop at the first window that ends behind this second; undefined: go on from there. */
  stopAt?: number;
  options: { temperature: number };
}

export interface LongReply {
  seconds: number;
  /** Of all windows: start and end in seconds. */
  spans: [number, number][];
  result: TranscriptionResult | undefined;
  /** Size of the state as stored. */
  storedBytes: number;
}
