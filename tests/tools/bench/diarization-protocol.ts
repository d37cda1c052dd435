/** What the diarization benchmark and its children say to each other; the children's side of it. */
import { readFileSync } from 'node:fs';

/** A child's only argument, as JSON. */
export interface DiarizationTask {
  segmentation: string;
  embedding: string;
  threads: number;
  /** Ours only. */
  mode: 'exact' | 'fast';
}

export interface DiarizationRequest {
  /** 16 kHz mono, s16le without a header. */
  audio: string;
  speakers: number;
}

export interface DiarizationReply {
  /** Samples in memory → turns. */
  milliseconds: number;
  /** Of the whole process meanwhile: steadier than wall time where other work shares the machine. */
  cpuMilliseconds: number;
  /** Highest resident size of the process so far, bytes. */
  peakBytes: number;
  turns: number;
  /** Processor time by stage, milliseconds, where the program tells. */
  stages?: Record<string, number>;
}

export type Diarize = (samples: Float32Array, speakers: number) => Promise<Pick<DiarizationReply, 'turns' | 'stages'>>;

/** Answers the parent's requests from here on. */
export function serveConversations(diarize: Diarize): void {
  process.on('message', (request: DiarizationRequest) => {
    void answer(diarize, request).then((reply) => process.send?.(reply));
  });
  process.send?.('ready');
}

export function taskOf(argument: string | undefined): DiarizationTask {
  return JSON.parse(argument ?? '') as DiarizationTask;
}

async function answer(diarize: Diarize, { audio, speakers }: DiarizationRequest): Promise<DiarizationReply> {
  const file = readFileSync(audio);
  const samples = Float32Array.from({ length: file.length / 2 }, (_, i) => file.readInt16LE(2 * i) / 32_768);
  const before = processorMilliseconds();
  const start = performance.now();
  const found = await diarize(samples, speakers);
  const milliseconds = performance.now() - start;
  const cpuMilliseconds = processorMilliseconds() - before;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  return { milliseconds, cpuMilliseconds, peakBytes, ...found };
}

/** Of this process so far. */
export function processorMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
