/** A sentencepiece vocabulary as k2-fsa publishes it: `tokens.txt` with `piece id` on each line. */
import { GatewayError } from '../../errors.ts';

/** U+2581: sentencepiece's mark of a word's beginning. */
const WORD_START = '▁';

export interface Piece {
  /** The piece begins a word. */
  startsWord: boolean;
  /** UTF-8; a byte-fallback piece is one byte of a character. */
  bytes: Uint8Array;
}

export type Vocabulary = ReadonlyMap<number, Piece>;

export function parseTokens(text: string): Vocabulary {
  const vocabulary = new Map<number, Piece>();
  for (const line of text.split(/\r?\n/)) {
    if (line === '') continue;
    // The piece may itself be a space or hold one: the id is what follows the last.
    const match = /^(.*)[ \t](\d+)$/.exec(line);
    if (match === null) {
      throw new GatewayError('model_load_failed', {
        message: "The model's vocabulary cannot be read.",
        detail: `tokens.txt has a line without an id: ${JSON.stringify(line)}`,
      });
    }
    vocabulary.set(Number(match[2]), parsePiece(match[1] ?? ''));
  }
  return vocabulary;
}

function parsePiece(piece: string): Piece {
  const fallback = /^<0x([0-9A-Fa-f]{2})>$/.exec(piece);
  if (fallback) return { startsWord: false, bytes: Uint8Array.of(Number.parseInt(fallback[1] ?? '', 16)) };
  const startsWord = piece.startsWith(WORD_START);
  const rest = (startsWord ? piece.slice(1) : piece).replaceAll(WORD_START, ' ');
  return { startsWord, bytes: Buffer.from(rest, 'utf8') };
}
