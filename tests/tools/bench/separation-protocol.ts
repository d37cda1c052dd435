/** What the separation benchmark and its children say to each other; the children's side of it. */
export interface SeparationRequest {
  /** A file as a caller sends it. */
  audio: string;
  /** The same decoded: 44.1 kHz stereo, 32-bit floats. */
  pcm: string;
  /** For the stems. */
  folder: string;
}

export interface SeparationReply {
  milliseconds: number;
  /** Of the whole process meanwhile, without ffmpeg's. */
  cpuMilliseconds: number;
  /** Highest resident size of the process so far. */
  peakBytes: number;
}

/** Answers the parent's requests from here on. */
export function serveTracks(separate: (request: SeparationRequest) => Promise<void>): void {
  process.on('message', (request: SeparationRequest) => {
    void timed(() => separate(request)).then((reply) => process.send?.(reply));
  });
  process.send?.('ready');
}

async function timed(work: () => Promise<void>): Promise<SeparationReply> {
  const before = process.cpuUsage();
  const start = performance.now();
  await work();
  const milliseconds = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  return { milliseconds, cpuMilliseconds: (user + system) / 1000, peakBytes };
}
