/**
 * Shares a model among the requests of a worker, one job (a window's decoding) at a time: whoever has waited longest
 * goes first, each request adds one job to a batch in turn. A short clip so never waits behind a long file's windows; and
 * while jobs of a batch are being prepared one after the other, a request that has just come takes it over.
 * A batch that memory does not suffice for is halved, and batches stay that small from then on.
 */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { isOutOfMemory, namedOutOfMemory } from '../out-of-memory.ts';

/**
 * A new request's decoder is started, and its audio heard, between two jobs alone. A batch that has room waits for it before its
 * next job, this long at most: it would else miss batch after batch, or wait for a job of somebody's that could come later.
 */
const ARRIVAL_MS = 200;
/** Pieces of audio (of a second) after which a request without speech so far is waited for no longer. */
const MOST_PIECES = 60;
/**
 * Jobs that a request may have had and still be young: a short one's language, text, another temperature and word times, which
 * so do not wait for a long file's windows.
 */
const YOUNG_JOBS = 4;
/** Without another piece for so long, none is on its way. */
const QUIET_MS = 25;
/** For the first piece, which may need a process: so long at most, and no longer than a job takes, or it gains nothing. */
const START_MS = 100;
/** A job that took less to prepare had been prepared before. */
const PREPARED_MS = 1;

export interface SchedulerOptions<J, R> {
  /** Rows in one batch, which are its jobs unless `rows` says otherwise; a job of more rows runs alone. At least 1. */
  maxBatch: number;
  /** How long a job waits for others to share its batch, in milliseconds. A full batch never waits. */
  maxWaitMs: number;
  /** Jobs of one key can share a batch. */
  key(job: J): string;
  /** Rows of the model's batch that a job takes; default 1. */
  rows?(job: J): number;
  /** Before a batch runs, for each of its jobs in turn; again where the job's batch became another one meanwhile. */
  prepare?(job: J, signal: AbortSignal): Promise<void>;
  /** One result per job, in order. `signal` aborts when no request of the batch is interested any more. */
  run(jobs: readonly J[], signal: AbortSignal): Promise<readonly R[]>;
  /** Memory ran out in a batch: no later one has more rows than this. */
  onSmallerBatch?(maxBatch: number, cause: unknown): void;
}

/** One request's access to the model. */
export interface Lane<J, R> {
  /** Rejects with the lane's abort reason, `out_of_memory`, or with what the job itself failed with. */
  submit(job: J): Promise<R>;
  /** Another piece of the request's audio is heard now: from its opening until its first job, a batch may wait for it. */
  hears(): void;
  /** No job will come any more. */
  close(): void;
}

export interface Scheduler<J, R> {
  /** Falls when memory runs out in a batch. */
  readonly maxBatch: number;
  /** When `signal` aborts, the lane's jobs reject at once: waiting ones never run, results of running ones are dropped. */
  open(signal: AbortSignal): Lane<J, R>;
}

interface Ticket<J, R> {
  job: J;
  lane: Ticket<J, R>[];
  /** One of its request's first jobs. */
  isYoung: boolean;
  /** Was put back once, for a young request. */
  hasYielded: boolean;
  key: string;
  rows: number;
  signal: AbortSignal;
  /** performance.now() from which on it need not wait for company. */
  dueAt: number;
  resolve(result: R): void;
  reject(reason: unknown): void;
}

/** A request that has no job yet; times as of performance.now(). */
interface Arrival {
  openedAt: number;
  /** Of its last piece of audio. */
  heardAt?: number;
}

export function createScheduler<J, R>(options: SchedulerOptions<J, R>): Scheduler<J, R> {
  const { maxWaitMs } = options;
  let { maxBatch } = options;
  /** Lanes with waiting jobs, next in turn first. */
  const lanes: Ticket<J, R>[][] = [];
  let running = false;
  /** Requests that have come, or whose audio is being heard, and that have no job yet. */
  const arriving = new Map<Ticket<J, R>[], Arrival>();
  /** What the last preparation took. */
  let preparationMs = 0;
  let timer: NodeJS.Timeout | undefined;

  function waiting(): number {
    return rowsOf(lanes.flat());
  }

  /** Starts the loop now if a batch is full or due, else when it will be. */
  function wake(): void {
    clearTimeout(timer);
    if (running || lanes.length === 0) return;
    const dueAt = Math.min(...lanes.flat().map((ticket) => ticket.dueAt));
    const delay = waiting() >= maxBatch ? 0 : Math.max(0, dueAt - performance.now());
    // Never at once: what is submitted in the same turn belongs together.
    timer = setTimeout(() => void work(), delay);
  }

  async function work(): Promise<void> {
    running = true;
    const taken = takeBatch(lanes, maxBatch);
    const batch = options.prepare === undefined ? taken : await prepareInTurn(taken, options.prepare);
    if (batch.length > 0) await runBatch(batch);
    running = false;
    wake();
  }

  /**
   * The tickets to run. A young request takes the batch over: older ones, prepared or not, put their jobs back for the next,
   * all but one of each whose job has been put back before.
   */
  async function prepareInTurn(
    taken: readonly Ticket<J, R>[],
    prepare: (job: J, signal: AbortSignal) => Promise<void>,
  ): Promise<Ticket<J, R>[]> {
    let ready: Ticket<J, R>[] = [];
    let left = [...taken];
    for (;;) {
      const batch = [...ready, ...left];
      await untilQuiet(batch);
      const owed = oneOfEach(batch.filter(({ isYoung, hasYielded }) => !isYoung && hasYielded));
      const staying = batch.filter((ticket) => ticket.isYoung || owed.includes(ticket));
      const young = lanes.flatMap(([ticket]) => (ticket?.isYoung ? [ticket] : []));
      const key = (staying[0] ?? young[0])?.key;
      const newcomers = young.filter((ticket) => ticket.key === key);
      if ([...staying, ...newcomers].some(({ isYoung }) => isYoung)) {
        putBack(batch.filter((ticket) => !staying.includes(ticket)));
        ready = ready.filter((ticket) => staying.includes(ticket));
        left = left.filter((ticket) => staying.includes(ticket));
      }
      for (const ticket of newcomers) {
        const others = rowsOf([...ready, ...left]);
        if (others > 0 && others + ticket.rows > maxBatch) break;
        ticket.lane.shift();
        left.push(ticket);
      }
      removeEmpty(lanes);
      left.sort((a, b) => Number(b.isYoung) - Number(a.isYoung));
      const next = left.shift();
      if (next === undefined) return ready;
      if (next.signal.aborted) continue;
      try {
        const begunAt = performance.now();
        await prepare(next.job, next.signal);
        const took = performance.now() - begunAt;
        if (took > PREPARED_MS) preparationMs = took;
        ready.push(next);
      } catch (error) {
        next.reject(next.signal.aborted ? next.signal.reason : namedOutOfMemory(error));
      }
    }
  }

  /** Lets a cancel, and who has just come, come in between two graphs; and those who are just coming, where there is room. */
  async function untilQuiet(batch: readonly Ticket<J, R>[]): Promise<void> {
    const begunAt = performance.now();
    const hasRoom = rowsOf(batch.filter(({ isYoung }) => isYoung)) < maxBatch;
    const waits = () => {
      const until = Math.max(...[...arriving.values()].map((arrival) => awaitedUntil(arrival, begunAt)));
      return hasRoom && performance.now() < Math.min(begunAt + ARRIVAL_MS, until);
    };
    await setImmediate();
    while (waits()) await sleep(1);
  }

  function awaitedUntil({ openedAt, heardAt }: Arrival, begunAt: number): number {
    return heardAt === undefined ? openedAt + Math.min(START_MS, preparationMs) : Math.max(begunAt, heardAt) + QUIET_MS;
  }

  /** In front of what their requests have submitted since. */
  function putBack(tickets: readonly Ticket<J, R>[]): void {
    for (const ticket of tickets.toReversed()) {
      if (ticket.signal.aborted) continue;
      ticket.hasYielded = true;
      ticket.lane.unshift(ticket);
      if (!lanes.includes(ticket.lane)) lanes.push(ticket.lane);
    }
  }

  /** `halved`: it is half of a batch that memory did not suffice for. */
  async function runBatch(batch: readonly Ticket<J, R>[], halved = false): Promise<void> {
    const wanted = batch.filter(({ signal }) => !signal.aborted);
    if (wanted.length === 0) return;
    const unwanted = whenAllAborted(wanted.map(({ signal }) => signal));
    try {
      const results = await options.run(
        wanted.map(({ job }) => job),
        unwanted.signal,
      );
      if (results.length !== wanted.length) throw new Error(`${wanted.length} jobs gave ${results.length} results`);
      for (const [i, ticket] of wanted.entries()) ticket.resolve(results[i] as R);
    } catch (error) {
      const parts = partsToTry(wanted, error, halved);
      for (const part of parts) await runBatch(part, isOutOfMemory(error));
      if (parts.length === 0) for (const ticket of wanted) ticket.reject(namedOutOfMemory(error));
    } finally {
      unwanted.stop();
    }
  }

  /** Of a batch that failed; none: its jobs have failed. */
  function partsToTry(batch: readonly Ticket<J, R>[], error: unknown, halved: boolean): Ticket<J, R>[][] {
    if (batch.length === 1) return [];
    // Only the job at fault shall fail.
    if (!isOutOfMemory(error)) return batch.map((ticket) => [ticket]);
    const middle = Math.ceil(batch.length / 2);
    const halves = [batch.slice(0, middle), batch.slice(middle)];
    keepSmaller(Math.max(...halves.map(rowsOf)), error);
    return halved ? [] : halves;
  }

  function keepSmaller(rows: number, cause: unknown): void {
    if (rows >= maxBatch) return;
    maxBatch = rows;
    options.onSmallerBatch?.(maxBatch, cause);
  }

  function open(signal: AbortSignal): Lane<J, R> {
    const lane: Ticket<J, R>[] = [];
    let submitted = 0;
    let pieces = 0;
    const inFlight = new Set<Ticket<J, R>>();
    const arrival: Arrival = { openedAt: performance.now() };
    arriving.set(lane, arrival);
    signal.addEventListener(
      'abort',
      () => {
        lane.length = 0;
        arriving.delete(lane);
        removeEmpty(lanes);
        for (const ticket of inFlight) ticket.reject(signal.reason);
      },
      { once: true },
    );

    async function submit(job: J): Promise<R> {
      signal.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<R>();
      const dueAt = performance.now() + maxWaitMs;
      const isYoung = submitted < YOUNG_JOBS;
      submitted += 1;
      arriving.delete(lane);
      const ticket: Ticket<J, R> = {
        ...{ job, lane, isYoung, hasYielded: false, key: options.key(job), rows: options.rows?.(job) ?? 1 },
        ...{ signal, dueAt, resolve, reject },
      };
      inFlight.add(ticket);
      lane.push(ticket);
      if (lane.length === 1) lanes.push(lane);
      wake();
      try {
        return await promise;
      } finally {
        inFlight.delete(ticket);
      }
    }

    function hears(): void {
      pieces += 1;
      if (submitted > 0) return;
      if (pieces > MOST_PIECES) {
        arriving.delete(lane);
        return;
      }
      arrival.heardAt = performance.now();
    }

    return { submit, hears, close: () => void arriving.delete(lane) };
  }

  return {
    get maxBatch() {
      return maxBatch;
    },
    open,
  };
}

function rowsOf(tickets: readonly { rows: number }[]): number {
  return tickets.reduce((sum, { rows }) => sum + rows, 0);
}

/** Round robin from the first lane on, its first job's key decides; a lane that was served goes to the end. */
function takeBatch<J, R>(lanes: Ticket<J, R>[][], maxBatch: number): Ticket<J, R>[] {
  const key = lanes[0]?.[0]?.key;
  const batch: Ticket<J, R>[] = [];
  let rows = 0;
  let served = true;
  while (served) {
    served = false;
    for (const lane of [...lanes]) {
      const at = lane.findIndex((ticket) => ticket.key === key);
      const ticket = lane[at];
      if (ticket === undefined || (rows > 0 && rows + ticket.rows > maxBatch)) continue;
      lane.splice(at, 1);
      batch.push(ticket);
      rows += ticket.rows;
      lanes.splice(lanes.indexOf(lane), 1);
      lanes.push(lane);
      served = true;
    }
  }
  removeEmpty(lanes);
  return batch;
}

/** At most one ticket of each lane. */
function oneOfEach<J, R>(tickets: readonly Ticket<J, R>[]): Ticket<J, R>[] {
  return tickets.filter(({ lane }, at) => tickets.findIndex((ticket) => ticket.lane === lane) === at);
}

function removeEmpty(lanes: unknown[][]): void {
  for (let i = lanes.length - 1; i >= 0; i -= 1) if (lanes[i]?.length === 0) lanes.splice(i, 1);
}

/** A signal that aborts once all of `signals` have. */
function whenAllAborted(signals: readonly AbortSignal[]): { signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const check = (): void => {
    if (signals.every((signal) => signal.aborted)) controller.abort(signals[0]?.reason);
  };
  for (const signal of signals) signal.addEventListener('abort', check);
  return {
    signal: controller.signal,
    stop: () => {
      for (const signal of signals) signal.removeEventListener('abort', check);
    },
  };
}
