/** A WAV file of a quiet hum, 16 kHz mono: real audio, made in no time. `pitch` tells one file from another. */
export function wav(seconds: number, pitch = 100): Buffer<ArrayBuffer> {
  const samples = Math.round(16_000 * seconds);
  return wavOf(
    Float32Array.from({ length: samples }, (_, i) => (300 * Math.sin((2 * Math.PI * pitch * i) / 16_000)) / 32_768),
  );
}

/** A WAV file of these samples in [−1, 1], 16 kHz mono, in 16 bits. */
export function wavOf(samples: Float32Array): Buffer<ArrayBuffer> {
  const file = Buffer.alloc(44 + 2 * samples.length);
  file.write('RIFF', 0);
  file.writeUInt32LE(36 + 2 * samples.length, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(16_000, 24);
  file.writeUInt32LE(32_000, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36);
  file.writeUInt32LE(2 * samples.length, 40);
  for (const [i, sample] of samples.entries()) {
    file.writeInt16LE(Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_768))), 44 + 2 * i);
  }
  return file;
}
