/** What can be ordered to go wrong at the fake hub. */

export type Fault =
  /** Answers with a status, for example 429 with `retryAfter` (seconds, or an HTTP date). */
  | { kind: 'status'; status: number; retryAfter?: number | string; errorCode?: string }
  /** Refuses as for a gated repository; `token` names the one that is let in. */
  | { kind: 'gated'; status?: 401 | 403; token?: string }
  /** Closes the connection without an answer. */
  | { kind: 'drop' }
  /** Redirects elsewhere instead of answering. */
  | { kind: 'redirect'; location: string; status?: number }
  /** Claims another commit in X-Repo-Commit. */
  | { kind: 'commit'; commit: string }
  /** Closes the connection before byte `at` of the file; `clean` ends the body as if it were complete. */
  | { kind: 'cut'; at: number; clean?: boolean }
  /** Falls silent before byte `at` of the file, the connection open. */
  | { kind: 'stall'; at: number }
  /** Changes byte `at` of the file. */
  | { kind: 'corrupt'; at: number }
  | { kind: 'slow'; bytesPerSecond: number }
  /** Answers 200 and the whole file to a Range request. */
  | { kind: 'ignore-range' };

/** `api`: model info and listings. `resolve`: the hub's answer for a file. `body`: whoever sends the file's bytes. */
export type Stage = 'api' | 'resolve' | 'body';

export interface FaultScope {
  /** Default: every repository. */
  repo?: string;
  /** Path in the repository; default: every file. */
  file?: string;
  /** Default `resolve`; faults of the bytes themselves are always `body`. */
  stage?: Stage;
  /** How many requests it hits; default Infinity: until removed. */
  times?: number;
}

/** Where a request is when it asks what shall go wrong. */
export interface Moment {
  stage: Stage;
  repo: string;
  file?: string | undefined;
}

type Kind = Fault['kind'];
type FaultOf<K extends Kind> = Extract<Fault, { kind: K }>;
interface Ordered {
  fault: Fault;
  scope: FaultScope;
  stage: Stage;
  left: number;
}

const BODY_KINDS: readonly Kind[] = ['cut', 'stall', 'corrupt', 'slow', 'ignore-range'];

export interface Faults {
  /** Orders a fault; the function returned takes it back. */
  add(fault: Fault, scope?: FaultScope): () => void;
  clear(): void;
  /** The first ordered fault of a kind that applies, counted as used. */
  take<K extends Kind>(kind: K, moment: Moment, applies?: (fault: FaultOf<K>) => boolean): FaultOf<K> | undefined;
  /** Whether a fault of a kind is ordered for a repository. */
  has(kind: Kind, repo: string): boolean;
}

export function createFaults(): Faults {
  const ordered = new Set<Ordered>();
  const isOf = <K extends Kind>(fault: Fault, kind: K): fault is FaultOf<K> => fault.kind === kind;
  const covers = (scope: FaultScope, repo: string) => scope.repo === undefined || scope.repo === repo;
  return {
    add(fault, scope = {}) {
      const stage = BODY_KINDS.includes(fault.kind) ? 'body' : (scope.stage ?? 'resolve');
      const order: Ordered = { fault, scope, stage, left: scope.times ?? Number.POSITIVE_INFINITY };
      ordered.add(order);
      return () => void ordered.delete(order);
    },
    clear: () => ordered.clear(),
    take(kind, moment, applies = () => true) {
      for (const order of ordered) {
        const { fault, scope, stage } = order;
        if (!isOf(fault, kind) || stage !== moment.stage || !covers(scope, moment.repo)) continue;
        if (scope.file !== undefined && scope.file !== moment.file) continue;
        if (!applies(fault)) continue;
        order.left--;
        if (order.left <= 0) ordered.delete(order);
        return fault;
      }
      return undefined;
    },
    has: (kind, repo) => [...ordered].some(({ fault, scope }) => fault.kind === kind && covers(scope, repo)),
  };
}
