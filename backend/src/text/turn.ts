/** Who speaks when: what a diarization consists of. */
export interface Turn {
  /** Seconds from the start of the file. */
  start: number;
  end: number;
  speaker: string;
}
