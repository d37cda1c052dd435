/** What the decoder is told before it writes (openai/whisper, decoding.py: `_get_initial_tokens`). */
import type { WhisperLayout } from './layout.ts';

export interface PromptRequest {
  /** A code of the layout; ignored where the model knows English alone, as is the task. */
  language: string;
  task: 'transcribe' | 'translate';
  timestamps: boolean;
  /** Tokens of words to expect; see `keywordTokens`. */
  keywords?: readonly number[];
  /** Tokens of the text before; the last ones that there is room for count. */
  previous?: readonly number[];
}

/** Tokens that keywords may take: half of the prompt's 223, the other half is always the text's. */
const KEYWORD_ROOM = 111;

/** `[<|startofprev|> keywords… previous…] <|startoftranscript|> [<|language|> <|task|>] [<|notimestamps|>]` */
export function buildPrompt(
  { tokens, isMultilingual, textContext }: WhisperLayout,
  { language, task, timestamps, keywords = [], previous = [] }: PromptRequest,
): number[] {
  const prompt: number[] = [];
  if (keywords.length + previous.length > 0) {
    // Half of the context is for the prompt and its token, the other for what is written.
    const room = Math.floor(textContext / 2) - 1 - keywords.length;
    const before = previous.slice(Math.max(0, previous.length - room));
    prompt.push(tokens.sotPrev, ...keywords, ...before);
  }
  prompt.push(tokens.sot);
  if (isMultilingual) {
    const id = tokens.languages.get(language);
    if (id === undefined) throw new Error(`The model has no token of the language '${language}'`);
    prompt.push(id, tokens[task]);
  }
  if (!timestamps) prompt.push(tokens.noTimestamps);
  return prompt;
}

/**
 * Tokens of ` one, two, three`, as faster-whisper puts its hotwords in front of the text before: as many whole keywords, the
 * first ones first, as fit into `KEYWORD_ROOM`.
 */
export function keywordTokens(keywords: readonly string[], encode: (text: string) => number[]): number[] {
  const taken: number[] = [];
  for (const keyword of keywords) {
    const tokens = encode(taken.length === 0 ? ` ${keyword}` : `, ${keyword}`);
    if (taken.length + tokens.length <= KEYWORD_ROOM) taken.push(...tokens);
  }
  return taken;
}
