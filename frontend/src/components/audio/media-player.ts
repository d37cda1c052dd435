/** A recording in one `<audio>` element, which is given a blob or a ticket and never a key. */
import { listeners } from '../../lib/listeners.ts';
import type { Player } from '../../lib/player.ts';

/** What opens the recording; asked again when an address has run out. */
export type OpenSource = (signal: AbortSignal) => Promise<AudioSource>;

export interface AudioSource {
  url: string;
  /** Gives a blob's memory back. */
  release?: () => void;
  /** The address ends: when the element fails, another one is worth a try. */
  isTicket?: boolean;
}

export class MediaPlayer implements Player {
  readonly #audio = new Audio();
  readonly #changed = listeners();
  readonly #open: OpenSource;
  #ended = new AbortController();
  #source: Promise<AudioSource> | undefined;
  #knownDuration: number;
  /** Where a failed element stood. */
  #resumeAt = 0;
  #reopened = 0;
  failure: unknown;
  waiting = false;

  /** @param duration seconds, where it is known from elsewhere: recordings of a browser do not tell theirs */
  constructor(open: OpenSource, duration: number) {
    this.#open = open;
    this.#knownDuration = duration;
    this.#audio.preload = 'metadata';
    for (const name of ['play', 'pause', 'ended', 'loadedmetadata', 'seeked', 'playing', 'waiting']) {
      this.#audio.addEventListener(name, () => {
        if (name === 'playing' || name === 'pause') this.waiting = false;
        if (name === 'waiting') this.waiting = true;
        this.#changed.tell();
      });
    }
    this.#audio.addEventListener('error', () => void this.#onError());
  }

  readonly subscribe = this.#changed.subscribe;

  get time(): number {
    return this.#audio.readyState === 0 ? this.#resumeAt : this.#audio.currentTime;
  }

  get duration(): number {
    if (this.#knownDuration > 0) return this.#knownDuration;
    return Number.isFinite(this.#audio.duration) ? this.#audio.duration : 0;
  }

  get paused(): boolean {
    return this.#audio.paused;
  }

  /** Known later than the player: the outline of a long recording takes a while. */
  learnDuration(seconds: number): void {
    this.#knownDuration = seconds;
    this.#changed.tell();
  }

  play(): void {
    void this.#load()
      .then(() => this.#audio.play())
      .catch((error: unknown) => this.#fail(error));
  }

  pause(): void {
    this.#audio.pause();
  }

  seek(time: number): void {
    this.#resumeAt = time;
    if (this.#source === undefined) void this.#load().catch((error: unknown) => this.#fail(error));
    this.#audio.currentTime = time;
    this.#changed.tell();
  }

  /** Lets go of the recording; playing opens it again. */
  close(): void {
    this.#ended.abort();
    this.#ended = new AbortController();
    this.#resumeAt = this.time;
    const source = this.#source;
    this.#source = undefined;
    this.#audio.pause();
    this.#audio.removeAttribute('src');
    void source?.then(({ release }) => release?.()).catch(() => {});
  }

  async #load(): Promise<void> {
    if (this.#source !== undefined) {
      await this.#source;
      return;
    }
    const { signal } = this.#ended;
    this.#source = this.#open(signal);
    this.#source.catch(() => {
      this.#source = undefined;
    });
    const { url } = await this.#source;
    signal.throwIfAborted();
    this.failure = undefined;
    this.#audio.src = url;
    // Before there is data this is where playing will begin.
    this.#audio.currentTime = this.#resumeAt;
  }

  async #onError(): Promise<void> {
    if (this.#source === undefined) return;
    const { isTicket } = await this.#source;
    if (isTicket !== true || this.#reopened > 2) {
      this.#fail(this.#audio.error ?? new Error('The browser cannot play this.'));
      return;
    }
    this.#reopened += 1;
    this.#resumeAt = this.#audio.currentTime;
    this.#source = undefined;
    this.play();
  }

  #fail(error: unknown): void {
    // A pause that comes while `play()` waits is no failure.
    if (error instanceof DOMException && error.name === 'AbortError') return;
    this.failure = error;
    this.waiting = false;
    this.#changed.tell();
  }
}
