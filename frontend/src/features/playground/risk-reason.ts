/** Why a line may be made up, in words; a flag that this page does not know is shown as the server calls it. */
import type { Translate } from '../../lib/i18n/translate.ts';
import type en from './messages.en.ts';

const REASONS = {
  vad_mismatch: 'riskVadMismatch',
  repetition: 'riskRepetition',
  high_compression: 'riskHighCompression',
  low_logprob: 'riskLowLogprob',
  no_speech: 'riskNoSpeech',
  possible_hallucination: 'riskHallucination',
} as const;

export function riskReason(t: Translate<typeof en>, flag: string): string {
  return flag in REASONS ? t(REASONS[flag as keyof typeof REASONS]) : flag;
}
