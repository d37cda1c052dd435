/**
 * Tiny Whisper models for tests: the graphs are committed without weights, and these functions make the weights again.
 * The generator is the one in `tests/fixtures/whisper/seeded.py`, bit for bit.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { type Stored, storeWeights } from './stored-weights.ts';

export type WhisperKind = 'multilingual' | 'en' | 'timestamped';

export const WHISPER_FIXTURES = fileURLToPath(new URL('../fixtures/whisper', import.meta.url));

/** How one parameter is made; the JSON behind `seeded:` in a stripped initializer's doc_string. */
type Recipe = ({ values: number[] } | SeededRecipe) & {
  /** Otherwise as float32. */
  stored?: Stored;
};

interface SeededRecipe {
  seed: string;
  /** As PyTorch holds it. */
  shape: number[];
  scale: number;
  offset?: number;
  /** [first, count, gain] along the first axis; a later entry wins. */
  rows?: [number, number, number][];
  /** The initializer holds the transpose (2 dimensions). */
  transposed?: boolean;
}

const MARK = 'seeded:';

/** FNV-1a, 32 bit, over the UTF-8 bytes. */
export function seedOf(name: string): number {
  let seed = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193);
  return seed >>> 0;
}

/** `count` numbers in [-1, 1), multiples of 2^-23. */
export function seededUniform(name: string, count: number): Float64Array {
  const seed = seedOf(name);
  const values = new Float64Array(count);
  for (let index = 0; index < count; index += 1) values[index] = uniformAt(seed, index);
  return values;
}

/** lowbias32 (Wellons, "Prospecting for Hash Functions") of a Weyl sequence. */
function uniformAt(seed: number, index: number): number {
  let state = (seed + Math.imul(index, 0x9e3779b9)) | 0;
  state = Math.imul(state ^ (state >>> 16), 0x7feb352d);
  state = Math.imul(state ^ (state >>> 15), 0x846ca68b);
  state ^= state >>> 16;
  return (state >>> 8) / 8388608 - 1;
}

const BANDS = 16;
const KNOT_FRAMES = 50;
const FRAMES = 3000;

/** [mels, 3000] in the range of a log-mel; frames from `frames` on are silence. */
export function seededFeatures(seed: string, mels: number, frames: number): Float32Array {
  const knots = FRAMES / KNOT_FRAMES + 1;
  const grid = seededUniform(`${seed}/bands`, BANDS * knots);
  const noise = seededUniform(`${seed}/noise`, mels * FRAMES);
  const features = new Float32Array(mels * FRAMES).fill(-0.75);
  for (let mel = 0; mel < mels; mel += 1) {
    const band = Math.floor((mel * BANDS) / mels) * knots;
    for (let frame = 0; frame < frames; frame += 1) {
      const knot = band + Math.floor(frame / KNOT_FRAMES);
      const left = grid[knot] ?? 0;
      const right = grid[knot + 1] ?? 0;
      const drift = left + (right - left) * ((frame % KNOT_FRAMES) / KNOT_FRAMES);
      const at = mel * FRAMES + frame;
      features[at] = drift * 0.75 + (noise[at] ?? 0) * 0.375;
    }
  }
  return features;
}

/** [heads, tokens, frames], positive: a ridge that climbs with the tokens, under noise. */
export function seededAttention(seed: string, heads: number, tokens: number, frames: number): Float32Array {
  const noise = seededUniform(seed, heads * tokens * frames);
  const attention = new Float32Array(noise.length);
  for (let at = 0; at < noise.length; at += 1) {
    const token = Math.floor(at / frames) % tokens;
    const distance = Math.abs((at % frames) - (token + 0.5) * (frames / tokens));
    attention[at] = ((noise[at] ?? 0) + 1) * 0.25 + 1 / (1 + distance / 8);
  }
  return attention;
}

/** The graph with its weights inside; everything else is kept byte for byte. */
export function fillWeights(stripped: Uint8Array): Uint8Array {
  return rewriteInitializers(stripped, (recipe, type) => field(RAW_DATA, concat([...dataOf(recipe, type)])));
}

/** The weights' bytes alone, one after the other. */
export function weightBytes(stripped: Uint8Array): Uint8Array {
  const chunks: Uint8Array[] = [];
  rewriteInitializers(stripped, (recipe, type) => {
    chunks.push(...dataOf(recipe, type));
    return new Uint8Array();
  });
  return concat(chunks);
}

/** The graph with its weights in a file `location` beside it (ONNX external data). */
export function fillWeightsOutside(stripped: Uint8Array, location: string): { graph: Uint8Array; data: Uint8Array } {
  const chunks: Uint8Array[] = [];
  const graph = placeWeightsOutside(stripped, location, (chunk) => chunks.push(chunk));
  return { graph, data: concat(chunks) };
}

/** As `fillWeightsOutside`, for weights too large to be held: `write` takes the file's bytes in order. */
export function placeWeightsOutside(
  stripped: Uint8Array,
  location: string,
  write: (chunk: Uint8Array) => void,
): Uint8Array {
  let offset = 0;
  return rewriteInitializers(stripped, (recipe, type) => {
    const from = offset;
    for (const chunk of dataOf(recipe, type)) {
      write(chunk);
      offset += chunk.length;
    }
    const where = { location, offset: `${from}`, length: `${offset - from}` };
    const entries = Object.entries(where).map(([key, value]) =>
      field(EXTERNAL_DATA, concat([field(1, utf8(key)), field(2, utf8(value))])),
    );
    return concat([...entries, varint(DATA_LOCATION << 3), varint(EXTERNAL)]);
  });
}

export interface FixtureOptions {
  /** Weights beside each graph as `<graph>.onnx_data` instead of inside it. */
  externalData?: boolean;
  /** Graphs of another precision instead, as the hub names them. */
  suffix?: DtypeSuffix;
}

export type DtypeSuffix = '_fp16' | '_quantized' | '_q4';
export const WHISPER_DTYPES = join(WHISPER_FIXTURES, 'dtypes');

/** The fixture as a repo's files: path inside the repo → bytes. */
export async function whisperFixture(
  kind: WhisperKind,
  options: FixtureOptions = {},
): Promise<Record<string, Uint8Array>> {
  const root = join(WHISPER_FIXTURES, kind);
  const files: Record<string, Uint8Array> = {};
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = join(entry.parentPath, entry.name);
    const packed = source.endsWith('.gz');
    const path = source.slice(root.length + 1, packed ? -'.gz'.length : undefined);
    if (path.endsWith('.onnx') && options.suffix !== undefined) continue;
    const bytes = await readFile(source);
    const content: Uint8Array = packed ? gunzipSync(bytes) : bytes;
    if (!path.endsWith('.onnx')) files[path] = content;
    else if (options.externalData === true) {
      const { graph, data } = fillWeightsOutside(content, `${entry.name.slice(0, -'.gz'.length)}_data`);
      files[path] = graph;
      files[`${path}_data`] = data;
    } else files[path] = fillWeights(content);
  }
  return { ...files, ...(options.suffix === undefined ? {} : await dtypeGraphs(kind, options.suffix)) };
}

async function dtypeGraphs(kind: WhisperKind, suffix: DtypeSuffix): Promise<Record<string, Uint8Array>> {
  const names = (await readdir(join(WHISPER_DTYPES, kind))).filter((name) => name.endsWith(`${suffix}.onnx.gz`));
  const graphs = names.map(async (name) => {
    const stripped = gunzipSync(await readFile(join(WHISPER_DTYPES, kind, name)));
    return [`onnx/${name.slice(0, -'.gz'.length)}`, fillWeights(stripped)] as const;
  });
  return Object.fromEntries(await Promise.all(graphs));
}

/** Writes the fixture's files into `dir`, laid out as a repo on the hub. */
export async function writeWhisperFixture(
  kind: WhisperKind,
  dir: string,
  options: FixtureOptions = {},
): Promise<string[]> {
  const files = await whisperFixture(kind, options);
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), bytes);
  }
  return Object.keys(files);
}

/** The initializer's data, in chunks. */
function* dataOf(recipe: Recipe, type: number): Generator<Uint8Array> {
  if (recipe.stored === undefined) {
    yield* seededBytes(recipe, type);
    return;
  }
  const bytes = concat([...seededBytes(recipe, FLOAT32)]);
  const [rows = 1, ...rest] = 'values' in recipe ? [] : recipe.shape;
  const columns = 'transposed' in recipe ? rows : rest.reduce((product, size) => product * size, 1);
  yield storeWeights(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4), columns, recipe.stored);
}

/** Numbers of a chunk. */
const CHUNK = 1 << 20;

/** Little-endian float32 or float16, as raw_data and external data hold it, in chunks. */
function* seededBytes(recipe: Recipe, type: number): Generator<Uint8Array> {
  const valueAt = valuesOf(recipe);
  const count = 'values' in recipe ? recipe.values.length : recipe.shape.reduce((product, size) => product * size, 1);
  const size = type === FLOAT16 ? 2 : 4;
  for (let from = 0; from < count; from += CHUNK) {
    const numbers = Math.min(CHUNK, count - from);
    const bytes = new Uint8Array(numbers * size);
    const view = new DataView(bytes.buffer);
    for (let index = 0; index < numbers; index += 1) {
      const value = valueAt(from + index);
      if (size === 4) view.setFloat32(index * 4, value, true);
      // Twice rounded, as by a conversion of the float32 model.
      else view.setFloat16(index * 2, Math.fround(value), true);
    }
    yield bytes;
  }
}

/** The number at an index of the initializer's data. */
function valuesOf(recipe: Recipe): (index: number) => number {
  if ('values' in recipe) return (index) => recipe.values[index] ?? 0;
  const { shape, scale, offset = 0, transposed = false } = recipe;
  const seed = seedOf(recipe.seed);
  const [rows = 1, ...rest] = shape;
  const columns = rest.reduce((product, size) => product * size, 1);
  const scales = new Float64Array(rows).fill(scale);
  for (const [first, count, gain] of recipe.rows ?? []) scales.fill(scale * gain, first, first + count);
  return (index) => {
    const row = transposed ? index % rows : Math.floor(index / columns);
    const column = transposed ? Math.floor(index / rows) : index % columns;
    return offset + uniformAt(seed, row * columns + column) * (scales[row] ?? 0);
  };
}

// Field numbers of onnx.proto: ModelProto.graph, GraphProto.initializer, and those of TensorProto.
const GRAPH = 7;
const INITIALIZER = 5;
const DATA_TYPE = 2;
const DOC_STRING = 12;
const RAW_DATA = 9;
const EXTERNAL_DATA = 13;
const DATA_LOCATION = 14;
const EXTERNAL = 1;
// TensorProto.DataType
const FLOAT32 = 1;
const FLOAT16 = 10;

/** Appends what `fill` makes of recipe and element type to each stripped initializer of the main graph. */
function rewriteInitializers(model: Uint8Array, fill: (recipe: Recipe, type: number) => Uint8Array): Uint8Array {
  return rewriteField(model, GRAPH, (graph) =>
    rewriteField(graph, INITIALIZER, (tensor) => {
      const recipe = recipeOf(tensor);
      return recipe === undefined ? tensor : concat([tensor, fill(recipe, elementTypeOf(tensor))]);
    }),
  );
}

function recipeOf(tensor: Uint8Array): Recipe | undefined {
  for (const { number, content } of fieldsOf(tensor)) {
    if (number !== DOC_STRING || content === undefined) continue;
    const text = new TextDecoder().decode(content);
    if (text.startsWith(MARK)) return JSON.parse(text.slice(MARK.length)) as Recipe;
  }
  return undefined;
}

/** The field's varint is one byte: no type's number is larger than 127. */
function elementTypeOf(tensor: Uint8Array): number {
  for (const { number, whole } of fieldsOf(tensor)) if (number === DATA_TYPE) return whole[1] ?? 0;
  return 0;
}

function rewriteField(message: Uint8Array, wanted: number, rewrite: (content: Uint8Array) => Uint8Array): Uint8Array {
  const parts = [...fieldsOf(message)].map(({ number, whole, content }) =>
    number === wanted && content !== undefined ? field(number, rewrite(content)) : whole,
  );
  return concat(parts);
}

interface Field {
  number: number;
  /** Tag, length and content. */
  whole: Uint8Array;
  /** Of a length-delimited field. */
  content: Uint8Array | undefined;
}

function* fieldsOf(message: Uint8Array): Generator<Field> {
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at];
      if (byte === undefined) throw new Error('protobuf message ends inside a varint');
      at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const start = at;
    const tag = readVarint();
    const number = Math.floor(tag / 8);
    let content: Uint8Array | undefined;
    const wireType = tag % 8;
    if (wireType === 0) readVarint();
    else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else if (wireType === 2) {
      const length = readVarint();
      content = message.subarray(at, at + length);
      at += length;
    } else throw new Error(`protobuf wire type ${wireType} is not in ONNX`);
    yield { number, whole: message.subarray(start, at), content };
  }
}

/** A length-delimited field. */
function field(number: number, content: Uint8Array): Uint8Array {
  return concat([varint(number * 8 + 2), varint(content.length), content]);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function concat(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
