/** Hz, of decoded speech: what every speech model here takes. */
export const SAMPLE_RATE = 16_000;
/** Hz, of decoded music: what every music model here takes, in stereo. */
export const STEREO_RATE = 44_100;
