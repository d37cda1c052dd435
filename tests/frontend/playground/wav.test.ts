import { expect, test } from 'vitest';
import { decodeFrames, parseWav, type WavFormat, windowBytes } from '../../../frontend/src/features/playground/wav.ts';

interface WavOptions {
  format?: number;
  channels?: number;
  sampleRate?: number;
  bits?: number;
  /** Of the samples, as the header has it. */
  dataSize?: number;
  before?: Buffer;
}

function wavHead(options: WavOptions = {}): ArrayBuffer {
  const {
    format = 1,
    channels = 2,
    sampleRate = 44_100,
    bits = 16,
    dataSize = 400,
    before = Buffer.alloc(0),
  } = options;
  const fmt = Buffer.alloc(format === 0xfffe ? 48 : 24);
  fmt.write('fmt ', 0);
  fmt.writeUInt32LE(fmt.length - 8, 4);
  fmt.writeUInt16LE(format, 8);
  fmt.writeUInt16LE(channels, 10);
  fmt.writeUInt32LE(sampleRate, 12);
  fmt.writeUInt16LE(bits, 22);
  if (format === 0xfffe) fmt.writeUInt16LE(3, 32);
  const data = Buffer.alloc(8);
  data.write('data', 0);
  data.writeUInt32LE(dataSize, 4);
  const all = Buffer.concat([Buffer.from('RIFFxxxxWAVE'), fmt, before, data]);
  return all.buffer.slice(all.byteOffset, all.byteOffset + all.length);
}

function chunk(name: string, bytes: number): Buffer {
  const made = Buffer.alloc(8 + bytes + (bytes % 2));
  made.write(name, 0);
  made.writeUInt32LE(bytes, 4);
  return made;
}

test('finds the samples, also behind other chunks and of odd length', () => {
  expect(parseWav(wavHead(), 444)).toEqual({
    ...{ sampleRate: 44_100, channels: 2, bitsPerSample: 16, isFloat: false, bytesPerFrame: 4 },
    ...{ dataStart: 44, frames: 100 },
  });
  expect(parseWav(wavHead({ before: chunk('LIST', 25) }), 10_000)).toMatchObject({ dataStart: 78, frames: 100 });
});

test('a header that was written before the length was known does not say more than there is', () => {
  expect(parseWav(wavHead({ dataSize: 0xffffffff }), 444)).toMatchObject({ frames: 100 });
});

test('an extensible header says its format further down', () => {
  expect(parseWav(wavHead({ format: 0xfffe, bits: 32 }), 1000)).toMatchObject({ isFloat: true, bytesPerFrame: 8 });
});

test('what is no such file is not guessed at', () => {
  expect(parseWav(new TextEncoder().encode('OggS, and then some').buffer, 100)).toBeUndefined();
  expect(parseWav(new ArrayBuffer(4), 4)).toBeUndefined();
  expect(parseWav(wavHead({ bits: 8 }), 444)).toBeUndefined();
  expect(parseWav(wavHead({ format: 0x55 }), 444)).toBeUndefined();
  expect(parseWav(wavHead().slice(0, 40), 444)).toBeUndefined();
});

const FORMAT: WavFormat = {
  ...{ sampleRate: 11_025, channels: 2, bitsPerSample: 16, isFloat: false, bytesPerFrame: 4 },
  ...{ dataStart: 44, frames: 100_001 },
};

test('windows meet without gap or overlap, begin at whole frames and end with the file', () => {
  let end = FORMAT.dataStart;
  let frames = 0;
  for (let index = 0; ; index += 1) {
    const window = windowBytes(FORMAT, index, 0.7);
    if (window === undefined) break;
    expect(window.start).toBe(end);
    expect((window.start - FORMAT.dataStart) % FORMAT.bytesPerFrame).toBe(0);
    expect(window.end - window.start).toBe(window.frames * FORMAT.bytesPerFrame);
    end = window.end;
    frames += window.frames;
  }
  expect([frames, end]).toEqual([FORMAT.frames, 44 + 100_001 * 4]);
  expect(windowBytes(FORMAT, -1, 0.7)).toBeUndefined();
});

test('samples of every width come out channel by channel, from −1 to 1', () => {
  const bytes = (...values: number[]) => new Uint8Array(values).buffer;
  const decoded = (format: Partial<WavFormat>, buffer: ArrayBuffer) =>
    decodeFrames(buffer, { ...FORMAT, ...format }).map((channel) => [...channel]);
  expect(decoded({}, bytes(0x00, 0x80, 0xff, 0x7f, 0x00, 0x40, 0x00, 0x00))).toEqual([
    [-1, 0.5],
    [32_767 / 32_768, 0],
  ]);
  expect(
    decoded({ channels: 1, bitsPerSample: 24, bytesPerFrame: 3 }, bytes(0, 0, 0x80, 0, 0, 0x40, 0xff, 0xff, 0xff)),
  ).toEqual([[-1, 0.5, -1 / 8_388_608]]);
  const floats = new Float32Array([0.25, -1.5]).buffer;
  expect(decoded({ channels: 1, bitsPerSample: 32, isFloat: true, bytesPerFrame: 4 }, floats)).toEqual([[0.25, -1.5]]);
});
