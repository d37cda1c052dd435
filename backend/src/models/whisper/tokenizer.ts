/** Whisper's byte-level BPE: text ↔ token ids, and tokens → words. Ids from `eot` on are special tokens or timestamps. */
import { Tokenizer } from '@huggingface/tokenizers';
import { splitWords, type WordTokens } from './split-words.ts';

export interface WhisperTokenizer {
  /** End of text; ids below it are pieces of text. */
  readonly eot: number;
  /** `<|0.00|>`; each id after it is 20 ms later. */
  readonly timestampBegin: number;
  /** The pieces of text among `ids`; bytes that are no UTF-8 become U+FFFD. */
  decode(ids: readonly number[]): string;
  /** The bytes one piece of text stands for; none for a special token. */
  bytes(id: number): Uint8Array;
  /** Text only: what looks like a special token in it is left out, so that a caller's prompt cannot steer decoding. */
  encode(text: string): number[];
  /** An id by its content (`<|en|>`); undefined where the vocabulary has no such token. */
  idOf(content: string): number | undefined;
  /** The pieces of text among `ids`, grouped into words as the language (a code) is written. */
  words(ids: readonly number[], language: string): WordTokens[];
}

/** What is used of the library, whose own declarations do not resolve under Node's module rules. */
interface BytePairEncoder {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  id_to_token(id: number): string | undefined;
  token_to_id(content: string): number | undefined;
}

const NO_BYTES = new Uint8Array(0);
const BYTE_OF = byteCharacters();

/** From the parsed `tokenizer.json` and `tokenizer_config.json` of a Whisper repository. */
export function createTokenizer(tokenizerJson: object, tokenizerConfig: object = {}): WhisperTokenizer {
  const tokenizer: BytePairEncoder = new Tokenizer(tokenizerJson, tokenizerConfig);
  const eot = requireId(tokenizer, '<|endoftext|>');
  // The `.en` tokenizers do not list their timestamps; they follow this token in every vocabulary.
  const timestampBegin = requireId(tokenizer, '<|notimestamps|>') + 1;
  const cache: (Uint8Array | undefined)[] = [];

  function bytes(id: number): Uint8Array {
    if (id >= eot) return NO_BYTES;
    let known = cache[id];
    if (known === undefined) {
      known = Uint8Array.from(tokenizer.id_to_token(id) ?? '', (character) => BYTE_OF.get(character) ?? 0);
      cache[id] = known;
    }
    return known;
  }

  function decode(ids: readonly number[]): string {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(ids.map(bytes)));
  }

  return {
    eot,
    timestampBegin,
    decode,
    bytes,
    encode: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids.filter((id) => id < eot),
    idOf: (content) => tokenizer.token_to_id(content),
    words: (ids, language) =>
      splitWords(
        ids.filter((id) => id < eot),
        decode,
        language,
      ),
  };
}

function requireId(tokenizer: BytePairEncoder, content: string): number {
  const id = tokenizer.token_to_id(content);
  if (id === undefined) throw new Error(`tokenizer.json has no token ${content}: it is not Whisper's`);
  return id;
}

/** GPT-2's printable stand-ins for bytes (openai/gpt-2, encoder.py: bytes_to_unicode): character → byte. */
function byteCharacters(): ReadonlyMap<string, number> {
  const bytes = new Map<string, number>();
  let substitutes = 0;
  for (let byte = 0; byte < 256; byte += 1) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
    bytes.set(String.fromCodePoint(printable ? byte : 256 + substitutes), byte);
    if (!printable) substitutes += 1;
  }
  return bytes;
}
