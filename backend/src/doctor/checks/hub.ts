/** The model hub: reachable, its token good, and the files that are still missing ours to fetch. */
import type { DoctorFinding } from '../../contract/doctor.ts';
import { createHubFetch, type HubFetch } from '../../hub/hub-fetch.ts';
import { findSnapshot, type SnapshotQuery } from '../../hub/snapshot.ts';
import { type Check, fail, ok, reasonOf, rootReason, warn } from '../check.ts';

export interface HubCheckOptions {
  /** Its address without a trailing slash. */
  endpoint: string;
  cacheDir: string;
  /** @throws Error for one that cannot be sent */
  readToken(): Promise<string | undefined>;
  /** All that the models of this gateway are made of. */
  repositories: readonly SnapshotQuery[];
}

const TIMEOUT_MS = 8_000;
const ANSWER_TIMEOUT_MS = 5_000;
const ASKED_AT_A_TIME = 4;
/** Signatures of webhooks are refused by their receivers after 5 minutes. */
const MAX_SKEW_SECONDS = 60;

export function hubCheck(options: HubCheckOptions): Check {
  return { id: 'hub', timeoutMs: TIMEOUT_MS, run: (signal) => examineHub(options, signal) };
}

async function examineHub(options: HubCheckOptions, signal: AbortSignal): Promise<DoctorFinding[]> {
  const { endpoint } = options;
  let token: string | undefined;
  let get: HubFetch;
  try {
    token = await options.readToken();
    get = createHubFetch({ endpoint, token });
  } catch (error) {
    const fix = 'Set HUGGINGFACE_TOKEN to a token as the hub shows it, or unset it.';
    return [fail('hub.token', { summary: reasonOf(error), fix })];
  }
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
  let answer: Response;
  try {
    answer = (await get(`${endpoint}/api/whoami-v2`, { signal: bounded })).response;
    await answer.body?.cancel();
  } catch (error) {
    signal.throwIfAborted();
    return [
      warn('hub', {
        summary: `${endpoint} cannot be reached: ${networkReason(error)}`,
        fix: 'Allow this machine to reach it, or set HF_ENDPOINT to a mirror; models whose files are here work without.',
      }),
    ];
  }
  return [
    answer.status < 500
      ? ok('hub', `${endpoint} answers`)
      : warn('hub', { summary: `${endpoint} answers ${answer.status}`, fix: 'Wait: it is out of order.' }),
    examineToken(endpoint, token, answer.status),
    ...examineClock(answer),
    ...(await examineAccess(options, get, bounded)),
  ];
}

function examineToken(endpoint: string, token: string | undefined, status: number): DoctorFinding {
  const id = 'hub.token';
  if (token === undefined) return ok(id, 'None is set; public models need none.');
  if (status === 200) return ok(id, 'The hub knows it.');
  if (status === 401 || status === 403) {
    return fail(id, {
      summary: 'The hub refuses the token, and with it downloads of public models, too.',
      fix: `Make a new one at ${endpoint}/settings/tokens and set HUGGINGFACE_TOKEN, or unset it.`,
    });
  }
  return ok(id, `One is set; ${endpoint} does not tell whether it is good.`);
}

function examineClock({ headers }: Response): DoctorFinding[] {
  const theirs = Date.parse(headers.get('date') ?? '');
  const skew = (theirs - Date.now()) / 1000;
  // Also without a date to compare with.
  if (!(Math.abs(skew) > MAX_SKEW_SECONDS)) return [];
  return [
    warn('clock.hub', {
      summary: `This machine's clock is ${Math.abs(skew).toFixed(0)} s ${skew > 0 ? 'behind' : 'ahead of'} the hub's.`,
      fix: 'Let this machine take its time from a time server (NTP): certificates and signed webhooks depend on it.',
    }),
  ];
}

/** Asks for the first byte of a file of each repository that is not here yet, as a download would. */
async function examineAccess(
  { endpoint, cacheDir, repositories }: HubCheckOptions,
  get: HubFetch,
  signal: AbortSignal,
): Promise<DoctorFinding[]> {
  const present = await Promise.all(repositories.map((files) => findSnapshot(cacheDir, files)));
  const absent = repositories.filter((_, index) => present[index] === undefined);
  const byRepo = [...new Map(absent.map((files) => [files.repo, files])).values()];
  const findings: DoctorFinding[] = [];
  const queue = byRepo.entries();
  const lane = async () => {
    for (const [at, { repo, revision, files }] of queue) {
      const path = [repo, 'resolve', revision, files[0] ?? ''].map(encodePath).join('/');
      const finding = await get(`${endpoint}/${path}`, { headers: { range: 'bytes=0-0' }, signal })
        .then(async ({ response }) => {
          await response.body?.cancel();
          return refusal(repo, response, endpoint);
        })
        // That it is slow or out of order is no word on the licence.
        .catch(() => undefined);
      if (finding !== undefined) findings[at] = finding;
    }
  };
  await Promise.all(Array.from({ length: ASKED_AT_A_TIME }, lane));
  return findings.flat();
}

function refusal(repo: string, { status, headers }: Response, endpoint: string): DoctorFinding | undefined {
  const id = `hub.access.${repo}`;
  const code = headers.get('x-error-code');
  if (status === 404) {
    const fix = 'Check HF_ENDPOINT: a mirror may lack it.';
    return warn(id, { summary: `The hub has no ${repo} with the files that are needed.`, fix });
  }
  if (status !== 401 && status !== 403) return undefined;
  return warn(id, {
    summary:
      code === 'GatedRepo'
        ? `The licence of ${repo} is not accepted by the account of the token.`
        : `The hub refuses access to ${repo}.`,
    fix: `Accept the licence at ${endpoint}/${repo}, and set HUGGINGFACE_TOKEN to a token of that account.`,
  });
}

const encodePath = (path: string) => path.split('/').map(encodeURIComponent).join('/');

function networkReason(error: unknown): string {
  return error instanceof DOMException && error.name === 'TimeoutError' ? 'no answer in 5 s' : rootReason(error);
}
