/** What the decoder is told before it writes (openai/whisper, decoding.py: `_get_initial_tokens`). */
import type { WhisperLayout } from './layout.ts';

export interface PromptRequest {
  /** A code of the layout; ignored where the model knows English alone, as is the task. */
  language: string;
  task: 'transcribe' | 'translate';
  timestamps: boolean;
  /** Tokens of the text before; the last ones count. */
  previous?: readonly number[];
}

/** `[<|startofprev|> previous…] <|startoftranscript|> [<|language|> <|task|>] [<|notimestamps|>]` */
export function buildPrompt(
  { tokens, isMultilingual, textContext }: WhisperLayout,
  { language, task, timestamps, previous = [] }: PromptRequest,
): number[] {
  const prompt: number[] = [];
  // Half of the context is for the text before and its token, the other for what is written.
  if (previous.length > 0) prompt.push(tokens.sotPrev, ...previous.slice(-(Math.floor(textContext / 2) - 1)));
  prompt.push(tokens.sot);
  if (isMultilingual) {
    const id = tokens.languages.get(language);
    if (id === undefined) throw new Error(`The model has no token of the language '${language}'`);
    prompt.push(id, tokens[task]);
  }
  if (!timestamps) prompt.push(tokens.noTimestamps);
  return prompt;
}
