/** Stems in step: one AudioContext, windows of each file at exact times, a gain for each. */
import { fetchBlob, fetchRange } from '../../api/own-jobs.ts';
import { listeners } from '../../lib/listeners.ts';
import type { Player } from '../../lib/player.ts';
import { gainsOf, type Mix, startOfWindow, WINDOW_SECONDS, windowAt, windowsDue } from './stem-schedule.ts';
import { decodeFrames, parseWav, type WavFormat, windowBytes } from './wav.ts';

export interface StemFile {
  name: string;
  /** On this server. */
  path: string;
}

interface Track {
  name: string;
  gain: GainNode;
  /** undefined behind its end. */
  read(index: number, signal: AbortSignal): Promise<AudioBuffer | undefined>;
}

const HEAD_BYTES = 65_536;
/** From pressing play to the first sound, when the data is there. */
const LEAD_SECONDS = 0.1;
const LOOK_MS = 250;
const RAMP_SECONDS = 0.01;
/** What is not WAV has to be decoded as a whole: 21 MB of memory a minute. */
const MAX_DECODED_SECONDS = 600;

export class StemPlayer implements Player {
  readonly duration: number;
  readonly #files: readonly StemFile[];
  readonly #changed = listeners();
  #ended = new AbortController();
  #mix: Mix;
  #opened: Promise<{ context: AudioContext; tracks: Track[] }> | undefined;
  #context: AudioContext | undefined;
  #tracks: Track[] = [];
  /** Of the run that sounds: its end stops fetching and scheduling. */
  #run: AbortController | undefined;
  #sources = new Set<AudioBufferSourceNode>();
  #origin = 0;
  #position = 0;
  waiting = false;
  failure: unknown;

  constructor(files: readonly StemFile[], duration: number, mix: Mix) {
    this.#files = files;
    this.duration = duration;
    this.#mix = mix;
  }

  readonly subscribe = this.#changed.subscribe;

  get paused(): boolean {
    return this.#run === undefined;
  }

  get time(): number {
    if (this.#run === undefined || this.waiting || this.#context === undefined) return this.#position;
    return Math.min(this.duration, Math.max(this.#position, this.#context.currentTime - this.#origin));
  }

  setMix(mix: Mix): void {
    this.#mix = mix;
    const { currentTime = 0 } = this.#context ?? {};
    const gains = gainsOf(
      this.#files.map(({ name }) => name),
      mix,
    );
    for (const { name, gain } of this.#tracks) {
      gain.gain.cancelScheduledValues(currentTime);
      gain.gain.setValueAtTime(gain.gain.value, currentTime);
      gain.gain.linearRampToValueAtTime(gains.get(name) ?? 0, currentTime + RAMP_SECONDS);
    }
  }

  play(): void {
    if (this.#run !== undefined) return;
    if (this.#position >= this.duration - 0.05) this.#position = 0;
    const run = new AbortController();
    this.#run = run;
    this.waiting = true;
    this.failure = undefined;
    this.#changed.tell();
    this.#playOn(run.signal).catch((error: unknown) => {
      if (run.signal.aborted) return;
      this.failure = error;
      this.#stop();
    });
  }

  pause(): void {
    this.#position = this.time;
    this.#stop();
  }

  seek(time: number): void {
    const played = this.#run !== undefined;
    this.#stop();
    this.#position = Math.min(Math.max(0, time), this.duration);
    if (played) this.play();
    else this.#changed.tell();
  }

  /** Lets go of sound and memory; playing opens everything again. */
  close(): void {
    this.pause();
    this.#ended.abort();
    this.#ended = new AbortController();
    void this.#context?.close();
    this.#context = undefined;
    this.#opened = undefined;
    this.#tracks = [];
  }

  #stop(): void {
    this.#run?.abort();
    this.#run = undefined;
    this.waiting = false;
    for (const source of this.#sources) source.stop();
    this.#sources.clear();
    this.#changed.tell();
  }

  async #playOn(signal: AbortSignal): Promise<void> {
    this.#opened ??= this.#open();
    this.#opened.catch(() => {
      this.#opened = undefined;
    });
    const { context, tracks } = await this.#opened;
    await context.resume();
    let from = this.#position;
    let next = windowAt(from);
    while (!signal.aborted) {
      for (const index of windowsDue(this.waiting ? from : this.time, next, this.duration)) {
        const buffers = await Promise.all(tracks.map((track) => track.read(index, signal)));
        if (signal.aborted) return;
        const isLate = startOfWindow(index, { origin: this.#origin, from }).when < context.currentTime;
        if (this.waiting || isLate) {
          // All tracks begin anew together: what came late for one is late for all.
          from = Math.max(from, index * WINDOW_SECONDS);
          this.#position = from;
          this.#origin = context.currentTime + LEAD_SECONDS - from;
          this.waiting = false;
          this.#changed.tell();
        }
        const start = startOfWindow(index, { origin: this.#origin, from });
        for (const [at, buffer] of buffers.entries()) this.#schedule(context, tracks[at], buffer, start);
        next = index + 1;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      if (!signal.aborted && this.time >= this.duration) {
        this.#position = this.duration;
        this.#stop();
      }
    }
  }

  #schedule(
    context: AudioContext,
    track: Track | undefined,
    buffer: AudioBuffer | undefined,
    { when, offset }: { when: number; offset: number },
  ): void {
    if (track === undefined || buffer === undefined || offset >= buffer.duration) return;
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(track.gain);
    source.onended = () => this.#sources.delete(source);
    source.start(when, offset);
    this.#sources.add(source);
  }

  async #open(): Promise<{ context: AudioContext; tracks: Track[] }> {
    const { signal } = this.#ended;
    const heads = await Promise.all(
      this.#files.map(async ({ path }) => {
        const { bytes, total } = await fetchRange(path, { start: 0, end: HEAD_BYTES, signal });
        return parseWav(bytes, total);
      }),
    );
    const sampleRate = heads.find((head) => head !== undefined)?.sampleRate;
    const context = new AudioContext(sampleRate === undefined ? {} : { sampleRate });
    this.#context = context;
    const gains = gainsOf(
      this.#files.map(({ name }) => name),
      this.#mix,
    );
    const tracks = await Promise.all(
      this.#files.map(async ({ name, path }, index): Promise<Track> => {
        const gain = new GainNode(context, { gain: gains.get(name) ?? 0 });
        gain.connect(context.destination);
        const wav = heads[index];
        const read = wav === undefined ? await this.#readDecoded(context, path) : readWav(context, path, wav);
        return { name, gain, read };
      }),
    );
    this.#tracks = tracks;
    return { context, tracks };
  }

  async #readDecoded(context: AudioContext, path: string): Promise<Track['read']> {
    if (this.duration > MAX_DECODED_SECONDS) return async () => undefined;
    const blob = await fetchBlob(path, this.#ended.signal);
    const whole = await context.decodeAudioData(await blob.arrayBuffer());
    return async (index) => {
      const from = Math.round(index * WINDOW_SECONDS * whole.sampleRate);
      const length = Math.min(whole.length - from, Math.round(WINDOW_SECONDS * whole.sampleRate));
      if (length <= 0) return undefined;
      const window = context.createBuffer(whole.numberOfChannels, length, whole.sampleRate);
      for (let channel = 0; channel < whole.numberOfChannels; channel += 1) {
        window.copyToChannel(whole.getChannelData(channel).subarray(from, from + length), channel);
      }
      return window;
    };
  }
}

function readWav(context: AudioContext, path: string, wav: WavFormat): Track['read'] {
  // Of the window that sounds and the next: seeking back a little fetches nothing.
  const kept = new Map<number, AudioBuffer>();
  return async (index, signal) => {
    const known = kept.get(index);
    if (known !== undefined) return known;
    const place = windowBytes(wav, index, WINDOW_SECONDS);
    if (place === undefined) return undefined;
    const { bytes } = await fetchRange(path, { ...place, signal });
    const buffer = context.createBuffer(wav.channels, place.frames, wav.sampleRate);
    for (const [channel, samples] of decodeFrames(bytes, wav).entries()) buffer.copyToChannel(samples, channel);
    kept.set(index, buffer);
    for (const old of kept.keys()) if (kept.size > 3) kept.delete(old);
    return buffer;
  };
}
