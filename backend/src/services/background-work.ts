/** What jobs of every kind have in common. */

/** Their priority: who waits for an answer goes first. */
export const BACKGROUND = -10;
/** The decoded audio in a job's work folder: what one attempt or one stage has decoded, the next ones read. */
export const PCM_FILE = 'audio.s16';
/** Separated stems in a job's work folder. */
export const STEMS_FOLDER = 'stems';
