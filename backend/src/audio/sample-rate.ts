/** Hz, of all decoded audio: what every speech model here takes. */
export const SAMPLE_RATE = 16_000;
