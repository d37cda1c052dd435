/** Messages between the benchmark and its two children, each of which holds one recognizer. */
export interface RoundRequest {
  /** Absolute paths of 16 kHz mono WAV files. */
  files: string[];
}

export interface RoundReply {
  /** Per file: milliseconds from samples in memory to the words, and the words. */
  results: { milliseconds: number; text: string }[];
  /** Processor time of the whole round: steadier than wall time where other work shares the machine. */
  cpuMilliseconds: number;
}

/** Answers every request of the parent, one after another. */
export function serveRounds(transcribe: (file: string) => Promise<{ milliseconds: number; text: string }>): void {
  process.on('message', async ({ files }: RoundRequest) => {
    const results: RoundReply['results'] = [];
    const before = process.cpuUsage();
    for (const file of files) results.push(await transcribe(file));
    const { user, system } = process.cpuUsage(before);
    process.send?.({ results, cpuMilliseconds: (user + system) / 1000 } satisfies RoundReply);
  });
  process.send?.('ready');
}
