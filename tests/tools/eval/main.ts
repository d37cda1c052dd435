/** `npm run eval`: how well and how fast a running gateway transcribes, tells who speaks and separates what is known. */
import { numberOption, parseCommandLine, runTool, UsageError } from '../command-line.ts';
import { printReport } from '../report.ts';
import { evalReport } from './eval-report.ts';
import { evaluate } from './evaluate.ts';
import { type Clip, readManifest } from './manifest.ts';
import { startGateway } from './start-gateway.ts';
import { NORMALIZERS, type Normalizer } from './text-normalizer.ts';

const USAGE = `Usage: npm run eval -- --manifest FILE.jsonl [options]

  --manifest FILE   one clip per line: {"audio": "clip.wav", "text": "what is said", "language": "en"}
                    (audio relative to the file's folder; language is optional). Instead of text, or beside it:
                      "rttm": "clip.rttm"      who speaks when: diarization error rate; "num_speakers",
                                               "min_speakers" and "max_speakers" go with the request
                      "stm": "clip.stm"        who says what: cpWER, the word error rate with each speaker's words
                                               in a row, under the fairest naming of the speakers
                      "text_by_speaker": {"Ann": "what she says"}    the same
                    {"mixture": "song.wav", "sources": {"vocals": "vocals.wav", "drums": "drums.wav"}}
                      what it is made of: SI-SDR and SDR of each source, and by how much it is closer than the mixture
  --url URL         a running gateway, for example http://127.0.0.1:8000/v1; without it one is started
  --api-key KEY     default: the environment's OPENAI_API_KEY
  --model ID        default: whisper-1
  --diarization-model ID
                    the model asked who speaks when; default: the --model
  --diarization-mode MODE
                    exact or fast; default: what the gateway takes for default
  --separation-model ID
                    the model asked for sources; default: the --model
  --normalizer NAME basic (default): letters and digits of every script, in upper case, nothing else changed;
                    whisper: openai/whisper's English one for clips whose language is English, its basic one for
                    all others. The figures name the one that was used; error rates of two cannot be compared
  --max-wer RATE    fail above this error rate, for example 0.10; default: any
  --max-cpwer RATE  the same for cpWER
  --max-der RATE    the same for the diarization error rate
  --min-si-sdri DB  fail where a source's mean improvement of SI-SDR is below; default: any
  --collar SECONDS  left unscored on each side of every boundary of the reference's turns, as md-eval's -c (twice
                    this is pyannote.metrics' collar); default 0
  --skip-overlap    leaves unscored where several speak at once
  --limit N         only the first N clips
  --concurrency N   requests at a time; default 1
  --timeout S       seconds to wait for one answer; default 600
  --json            a last line with {"name", "pass", "figures"}

Exit status: 0 when every clip was answered and the error rates are low enough, 1 when not, 2 for wrong usage.`;

const OPTIONS = {
  manifest: { type: 'string' },
  url: { type: 'string' },
  'api-key': { type: 'string' },
  model: { type: 'string', default: 'whisper-1' },
  normalizer: { type: 'string', default: 'basic' },
  'diarization-model': { type: 'string' },
  'diarization-mode': { type: 'string' },
  'separation-model': { type: 'string' },
  'max-wer': { type: 'string' },
  'max-cpwer': { type: 'string' },
  'max-der': { type: 'string' },
  'min-si-sdri': { type: 'string' },
  collar: { type: 'string' },
  'skip-overlap': { type: 'boolean', default: false },
  limit: { type: 'string' },
  concurrency: { type: 'string' },
  timeout: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

await runTool(async (args) => {
  const options = parseCommandLine(args, OPTIONS, USAGE);
  if (options.manifest === undefined) throw new UsageError(`--manifest is required\n\n${USAGE}`);
  const count = { min: 1, integer: true };
  const limit = numberOption('limit', options.limit, { ...count, fallback: Number.POSITIVE_INFINITY });
  const concurrency = numberOption('concurrency', options.concurrency, { ...count, fallback: 1 });
  const timeoutSeconds = numberOption('timeout', options.timeout, { min: 1, fallback: 600 });
  const limitOf = (name: 'max-wer' | 'max-der' | 'max-cpwer') =>
    numberOption(name, options[name], { min: 0, fallback: Number.POSITIVE_INFINITY });
  const least = { min: -200, fallback: Number.NEGATIVE_INFINITY };
  const limits = {
    wer: limitOf('max-wer'),
    der: limitOf('max-der'),
    cpwer: limitOf('max-cpwer'),
    sdr: numberOption('min-si-sdri', options['min-si-sdri'], least),
  };
  const scoring = {
    normalizer: normalizerOption(options.normalizer),
    diarization: {
      collar: numberOption('collar', options.collar, { min: 0, fallback: 0 }),
      skipOverlap: options['skip-overlap'],
    },
  };
  const clips = await readManifest(options.manifest, limit);

  const started = options.url === undefined ? await startGateway() : undefined;
  try {
    const transcription = {
      url: checkUrl(options.url ?? started?.url ?? ''),
      apiKey: options['api-key'] ?? process.env.OPENAI_API_KEY,
      model: options.model,
      timeoutSeconds,
    };
    const diarization = {
      ...transcription,
      model: options['diarization-model'] ?? options.model,
      mode: options['diarization-mode'],
    };
    const begin = performance.now();
    const separation = { ...transcription, model: options['separation-model'] ?? options.model };
    const endpoints = { transcription, diarization, separation };
    const results = await evaluate(clips, endpoints, { concurrency, scoring }, progress(clips.length));
    const report = evalReport(results, (performance.now() - begin) / 1000, { limits, scoring });
    printReport(report, { json: options.json });
    return report.pass;
  } finally {
    await started?.close();
  }
});

function normalizerOption(name: string): Normalizer {
  const known = NORMALIZERS.find((normalizer) => normalizer === name);
  if (known === undefined) throw new UsageError(`--normalizer must be ${NORMALIZERS.join(' or ')}, not '${name}'`);
  return known;
}

function checkUrl(url: string): string {
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) throw new UsageError(`--url is not an http address: '${url}'`);
  return url;
}

/** One line per clip on stderr, where a person watches. */
function progress(total: number): (clip: Clip) => void {
  let done = 0;
  return ({ name }) => {
    done += 1;
    if (process.stderr.isTTY) process.stderr.write(`${done}/${total} ${name}\n`);
  };
}
