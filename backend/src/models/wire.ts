/** Protocol-buffer wire format, as little of it as editing a message without knowing its schema takes. */

/** One field of a message, where it stands in the message's bytes. */
export interface WireField {
  number: number;
  /** Tag included: copying it verbatim copies the field. */
  bytes: Uint8Array;
  /** What follows the tag; for length-delimited fields without the length. */
  payload: Uint8Array;
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

export function readFields(message: Uint8Array): WireField[] {
  const fields: WireField[] = [];
  for (let at = 0; at < message.length; ) {
    const start = at;
    const tag = readVarint(message, at);
    let from = tag.next;
    let to: number;
    const wireType = tag.value & 7;
    if (wireType === VARINT) to = readVarint(message, from).next;
    else if (wireType === FIXED64) to = from + 8;
    else if (wireType === FIXED32) to = from + 4;
    else if (wireType === LENGTH_DELIMITED) {
      const length = readVarint(message, from);
      from = length.next;
      to = from + length.value;
    } else throw new Error(`Unknown wire type ${wireType} at byte ${start}`);
    if (to > message.length) throw new Error(`A field at byte ${start} reaches beyond its message`);
    fields.push({
      number: Math.floor(tag.value / 8),
      bytes: message.subarray(start, to),
      payload: message.subarray(from, to),
    });
    at = to;
  }
  return fields;
}

/** Values of all fields of that number as UTF-8 text. */
export function texts(fields: readonly WireField[], number: number): string[] {
  return fields.filter((field) => field.number === number).map((field) => Buffer.from(field.payload).toString('utf8'));
}

/** Values of a repeated integer field, packed or not. Negative numbers do not occur where this is used. */
export function integers(fields: readonly WireField[], number: number): number[] {
  const values: number[] = [];
  for (const field of fields) {
    if (field.number !== number) continue;
    for (let at = 0; at < field.payload.length; ) {
      const { value, next } = readVarint(field.payload, at);
      values.push(value);
      at = next;
    }
  }
  return values;
}

export function textField(number: number, text: string): Uint8Array {
  return messageField(number, [Buffer.from(text, 'utf8')]);
}

export function integerField(number: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(number * 8 + VARINT), ...varint(value)]);
}

export function floatField(number: number, value: number): Uint8Array {
  return Buffer.concat([Uint8Array.from(varint(number * 8 + FIXED32)), new Uint8Array(Float32Array.of(value).buffer)]);
}

export function messageField(number: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Uint8Array.from([...varint(number * 8 + LENGTH_DELIMITED), ...varint(length)]), ...parts]);
}

/** Negative numbers are 64-bit two's complement. */
function varint(value: number): number[] {
  if (value < 0) return signedVarint(value);
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}

function signedVarint(value: number): number[] {
  const bits = BigInt.asUintN(64, BigInt(value));
  return Array.from({ length: 10 }, (_, i) => Number((bits >> BigInt(7 * i)) & 127n) + (i < 9 ? 128 : 0));
}

/** A number of up to 53 bits at a place in `bytes`, and where the next field begins. */
export function readVarint(bytes: Uint8Array, at: number): { value: number; next: number } {
  let value = 0;
  let scale = 1;
  for (let next = at; next < bytes.length; next += 1) {
    const byte = bytes[next] as number;
    value += (byte & 127) * scale;
    if (byte < 128) return { value, next: next + 1 };
    scale *= 128;
  }
  throw new Error(`A number at byte ${at} does not end`);
}
