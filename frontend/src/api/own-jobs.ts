/** The key's own jobs (`/v1/jobs`): what became of one, what it says so far, its outline and its files. */
import { diarizationVerboseJson } from '@contract/diarization.ts';
import { fileTicket, type Job, job, jobPartial, jobTrace } from '@contract/jobs.ts';
import { waveformPeaks } from '@contract/peaks.ts';
import { separationJson } from '@contract/separation.ts';
import { transcriptionVerboseJson, translationVerboseJson } from '@contract/transcription.ts';
import { queryOptions } from '@tanstack/react-query';
import { z } from 'zod';
import { api, authorized, defineRoute, pathOf } from './api.ts';
import { sendRequest, toUnreachable } from './send-request.ts';

const FOLLOW_MS = 1_000;
/** The outline is made of the whole recording at the first call. */
const PEAKS_TIMEOUT_MS = 120_000;

const getJob = defineRoute({ method: 'GET', path: '/v1/jobs/{id}', answer: job });
const getTrace = defineRoute({ method: 'GET', path: '/v1/jobs/{id}/trace', answer: jobTrace });
const getPartial = defineRoute({ method: 'GET', path: '/v1/jobs/{id}/partial', answer: jobPartial });
const getPeaks = defineRoute({ method: 'GET', path: '/v1/jobs/{id}/peaks', answer: waveformPeaks });
const postCancel = defineRoute({ method: 'POST', path: '/v1/jobs/{id}/cancel', answer: job });
const postRetry = defineRoute({ method: 'POST', path: '/v1/jobs/{id}/retry', answer: job });
const RESULT = '/v1/jobs/{id}/result';
const result = <Answer>(answer: z.ZodType<Answer>) => defineRoute({ method: 'GET', path: RESULT, answer });
const getTranscript = result(z.union([transcriptionVerboseJson, translationVerboseJson]));
const getDiarization = result(diarizationVerboseJson);
const getSeparation = result(separationJson);

export type Transcription = z.infer<typeof transcriptionVerboseJson> | z.infer<typeof translationVerboseJson>;

/** Nothing about it changes by itself any more. */
export function isOver({ status }: Pick<Job, 'status'>): boolean {
  return status !== 'queued' && status !== 'running';
}

export const ownJobQuery = (id: string) =>
  queryOptions({
    queryKey: ['own-job', id],
    queryFn: ({ signal }) => api(getJob, { params: { id } }, { signal }),
    // Its place in the queue follows from other jobs, so no event of its own tells of it.
    refetchInterval: ({ state }) => (state.data !== undefined && isOver(state.data) ? false : FOLLOW_MS),
  });

/** @param revision read again whenever it changes: the job's `rev`. */
export const jobTraceQuery = (id: string, revision: number, running: boolean) =>
  queryOptions({
    queryKey: ['own-job', id, 'trace', revision],
    queryFn: ({ signal }) => api(getTrace, { params: { id } }, { signal }),
    placeholderData: (previous) => previous,
    refetchInterval: running ? FOLLOW_MS : false,
  });

export const jobPartialQuery = (id: string, revision: number) =>
  queryOptions({
    queryKey: ['own-job', id, 'partial', revision],
    queryFn: ({ signal }) => api(getPartial, { params: { id } }, { signal }),
    placeholderData: (previous) => previous,
  });

/** @param source `input`, or an artifact that is audio. */
export const jobPeaksQuery = (id: string, source: string) =>
  queryOptions({
    queryKey: ['own-job', id, 'peaks', source],
    queryFn: ({ signal }) =>
      api(getPeaks, { params: { id }, query: { source } }, { signal, timeoutMs: PEAKS_TIMEOUT_MS }),
    staleTime: Number.POSITIVE_INFINITY,
  });

const asVerbose = { query: { response_format: 'verbose_json' } };
const ofFinished = { staleTime: Number.POSITIVE_INFINITY } as const;

export const transcriptQuery = (id: string) =>
  queryOptions({
    queryKey: ['own-job', id, 'transcript'],
    queryFn: ({ signal }): Promise<Transcription> => api(getTranscript, { params: { id }, ...asVerbose }, { signal }),
    ...ofFinished,
  });

export const diarizationQuery = (id: string) =>
  queryOptions({
    queryKey: ['own-job', id, 'diarization'],
    queryFn: ({ signal }) => api(getDiarization, { params: { id }, ...asVerbose }, { signal }),
    ...ofFinished,
  });

export const separationQuery = (id: string) =>
  queryOptions({
    queryKey: ['own-job', id, 'separation'],
    queryFn: ({ signal }) => api(getSeparation, { params: { id } }, { signal }),
    ...ofFinished,
  });

export const cancelJob = (id: string) => api(postCancel, { params: { id } });
export const retryJob = (id: string) => api(postRetry, { params: { id } });

/** The result in another format, as a file to keep. @throws ApiError */
export async function fetchResult(id: string, format: string): Promise<Blob> {
  return fetchBlob(pathOf(RESULT, { params: { id }, query: { response_format: format } }));
}

export const inputPath = (id: string) => pathOf('/v1/jobs/{id}/input', { params: { id } });

/** @throws ApiError */
export async function fetchBlob(path: string, signal: AbortSignal = new AbortController().signal): Promise<Blob> {
  const response = await authorized(undefined, (apiKey) => sendRequest(path, { signal, accept: '*/*', apiKey }));
  return response.blob().catch((error: unknown) => {
    throw toUnreachable(error);
  });
}

/** Bytes `start` to `end` (that one left out), and how many the file has. @throws ApiError */
export async function fetchRange(
  path: string,
  { start, end, signal }: { start: number; end: number; signal: AbortSignal },
): Promise<{ bytes: ArrayBuffer; total: number }> {
  const headers = { range: `bytes=${start}-${end - 1}` };
  const response = await authorized(undefined, (apiKey) =>
    sendRequest(path, { signal, accept: '*/*', apiKey, headers }),
  );
  const bytes = await response.arrayBuffer().catch((error: unknown) => {
    throw toUnreachable(error);
  });
  const total = Number(response.headers.get('content-range')?.split('/')[1] ?? bytes.byteLength);
  return { bytes, total };
}

/** An address that `<audio>` and links may open without the key, for minutes. @param path of an artifact or the input */
export async function ticketFor(path: string): Promise<string> {
  const issue = defineRoute({ method: 'POST', path: `${path}/ticket`, answer: fileTicket });
  return (await api(issue, {})).url;
}
