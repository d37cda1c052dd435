/** Who speaks when, and what is said when: times in seconds from the start of the file. */

export interface Timed {
  start: number;
  end: number;
}

/** What a diarization consists of. */
export interface Turn extends Timed {
  speaker: string;
}

export interface TimedWord extends Timed {
  /** With or without the spaces around it. */
  word: string;
}
