/** The clips of the reference material on which pyannote's own intermediate results were recorded. */
import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import type { SampleSource } from '../../backend/src/models/pyannote/sliding-windows.ts';
import { shared } from './shared.ts';

export const PARITY_CLIPS = ['02_pyannote_sample', '03_dual_speaker', '04_three_speaker'] as const;
export type ParityClip = (typeof PARITY_CLIPS)[number];

/** Samples of the clip in [−1, 1], 16 kHz mono. */
export function parityAudio(clip: ParityClip): Float32Array {
  const file = readFileSync(shared('diarization-parity', clip, 'clip_16k.wav'));
  const data = file.indexOf('data', 12, 'latin1');
  const samples = file.readUInt32LE(data + 4) / 2;
  return Float32Array.from({ length: samples }, (_, i) => file.readInt16LE(data + 8 + 2 * i) / 32_768);
}

/** pyannote's segmentation, [windows, 589, 3] of 0 and 1. */
export function paritySegmentation(clip: ParityClip): { dims: number[]; data: Float32Array } {
  return readNpy(firstOfZip(readFileSync(shared('diarization-parity', clip, 'segmentations.npz'))));
}

export function samplesOf(pcm: Float32Array): SampleSource {
  return {
    samples: pcm.length,
    async read(from, count) {
      const samples = new Float32Array(count);
      samples.set(pcm.subarray(from, from + count));
      return samples;
    },
  };
}

function firstOfZip(zip: Buffer): Buffer {
  const directory = zip.lastIndexOf(Buffer.of(0x50, 0x4b, 1, 2));
  const method = zip.readUInt16LE(directory + 10);
  const packedSize = zip.readUInt32LE(directory + 20);
  const header = zip.readUInt32LE(directory + 42);
  const from = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
  const packed = zip.subarray(from, from + packedSize);
  return method === 0 ? packed : inflateRawSync(packed);
}

/** Version 1 of the format, little-endian float32. */
function readNpy(file: Buffer): { dims: number[]; data: Float32Array } {
  const from = 10 + file.readUInt16LE(8);
  const header = file.toString('latin1', 10, from);
  if (!header.includes("'descr': '<f4'")) throw new Error(`not float32: ${header}`);
  const dims = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? '').split(',').filter((dim) => dim.trim() !== '');
  return {
    dims: dims.map(Number),
    data: Float32Array.from({ length: (file.length - from) / 4 }, (_, i) => file.readFloatLE(from + 4 * i)),
  };
}
