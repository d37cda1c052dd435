/** Writes a wav file as samples come: RIFF, or RF64 (EBU Tech 3306) once it has grown beyond RIFF's 4 GiB. */
import { open } from 'node:fs/promises';
import { diskFull } from './disk-full.ts';
import { pcmBytes, SAMPLE_BYTES, type SampleFormat } from './pcm-bytes.ts';

export interface WavForm {
  sample: SampleFormat;
  /** Hz. */
  sampleRate: number;
  channels: number;
}

export interface WavFile {
  /** Samples [n, channels], as `pcmBytes` rounds and clips them. */
  write(samples: Float32Array): Promise<void>;
  /** Writes the lengths; all is on the disk. */
  end(): Promise<void>;
  close(): Promise<void>;
}

const PCM = 1;
const IEEE_FLOAT = 3;
/** RIFF, length, WAVE; JUNK or ds64 of 28; fmt of 16; data. */
const HEADER_BYTES = 80;
const LARGEST_RIFF = 0xffff_ffff;

/** A new file. @throws GatewayError `insufficient_storage` when the disk is full, as its methods do. */
export async function openWavFile(path: string, form: WavForm): Promise<WavFile> {
  const file = await open(path, 'wx');
  let dataBytes = 0;
  let isOpen = true;
  const put = async (bytes: Uint8Array, position: number): Promise<void> => {
    for (let done = 0; done < bytes.length; ) {
      const written = file.write(bytes, done, bytes.length - done, position + done);
      done += (await written.catch((error) => diskFull(error, 'the encoded audio'))).bytesWritten;
    }
  };
  return {
    async write(samples) {
      const bytes = pcmBytes(samples, form.sample);
      await put(bytes, HEADER_BYTES + dataBytes);
      dataBytes += bytes.length;
    },
    async end() {
      if (dataBytes % 2 === 1) await put(new Uint8Array(1), HEADER_BYTES + dataBytes);
      await put(wavHeader(form, dataBytes), 0);
      await file.sync();
    },
    async close() {
      if (isOpen) await file.close();
      isOpen = false;
    },
  };
}

/** Room for 64-bit lengths is kept from the start, as a chunk that readers of RIFF pass over. */
export function wavHeader({ sample, sampleRate, channels }: WavForm, dataBytes: number): Uint8Array {
  const size = SAMPLE_BYTES[sample];
  const riffBytes = HEADER_BYTES - 8 + dataBytes + (dataBytes % 2);
  const isLarge = riffBytes > LARGEST_RIFF;
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(isLarge ? 'RF64' : 'RIFF', 0, 'latin1');
  header.writeUInt32LE(isLarge ? LARGEST_RIFF : riffBytes, 4);
  header.write(isLarge ? 'WAVEds64' : 'WAVEJUNK', 8, 'latin1');
  header.writeUInt32LE(28, 16);
  if (isLarge) {
    header.writeBigUInt64LE(BigInt(riffBytes), 20);
    header.writeBigUInt64LE(BigInt(dataBytes), 28);
    header.writeBigUInt64LE(BigInt(dataBytes / (size * channels)), 36);
  }
  header.write('fmt ', 48, 'latin1');
  header.writeUInt32LE(16, 52);
  header.writeUInt16LE(sample === 'f32' ? IEEE_FLOAT : PCM, 56);
  header.writeUInt16LE(channels, 58);
  header.writeUInt32LE(sampleRate, 60);
  header.writeUInt32LE(sampleRate * channels * size, 64);
  header.writeUInt16LE(channels * size, 68);
  header.writeUInt16LE(8 * size, 70);
  header.write('data', 72, 'latin1');
  header.writeUInt32LE(isLarge ? LARGEST_RIFF : dataBytes, 76);
  return header;
}
