/** Runs both sides, one after the other so that neither slows the other down, and computes each anew. */

import { job } from '@contract/jobs.ts';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { isOver, ownJobQuery } from '../../api/own-jobs.ts';
import { upload } from '../../api/upload.ts';
import { lacksWordTimes } from '../../lib/lacks-word-times.ts';
import { sleep } from '../../lib/sleep.ts';
import type { Kind } from './evaluation-run.ts';
import { loadInPrecision } from './load-in-precision.ts';

export interface Side {
  model: string;
  /** Empty: as it is. */
  precision: string;
}

export interface Comparison {
  kind: Kind;
  file: File;
  sides: readonly [Side, Side];
}

/** What is under way: of which side, and how much is uploaded (0 … 1). */
export interface Phase {
  side: 0 | 1;
  doing: 'loading' | 'uploading' | 'running';
  share?: number;
}

const LOOK_MS = 1_000;
const PATHS: Record<Kind, string> = { text: '/v1/audio/transcriptions', speakers: '/v1/audio/diarizations' };

export function useComparison(onJobs: (ids: readonly string[]) => void) {
  const client = useQueryClient();
  const [phase, setPhase] = useState<Phase>();
  const running = useRef<AbortController>(undefined);
  const mutation = useMutation({
    mutationFn: async ({ kind, file, sides }: Comparison) => {
      const controller = new AbortController();
      const { signal } = controller;
      running.current = controller;
      const ids: string[] = [];
      for (const side of [0, 1] as const) {
        const { model, precision } = sides[side];
        if (precision !== '') {
          setPhase({ side, doing: 'loading' });
          await loadInPrecision(client, { id: model, precision, signal });
        }
        setPhase({ side, doing: 'uploading', share: 0 });
        const { id } = await upload({
          path: PATHS[kind],
          form: formOf(kind, { file, model }),
          headers: { prefer: 'respond-async' },
          answer: job,
          signal,
          onProgress: (share) => setPhase({ side, doing: 'uploading', share }),
        });
        ids.push(id);
        onJobs(ids);
        setPhase({ side, doing: 'running' });
        while (!isOver(await client.fetchQuery({ ...ownJobQuery(id), staleTime: 0 }))) await sleep(LOOK_MS, signal);
        signal.throwIfAborted();
      }
    },
    onSettled: () => setPhase(undefined),
  });
  return { ...mutation, phase, abort: () => running.current?.abort() };
}

function formOf(kind: Kind, { file, model }: { file: File; model: string }): FormData {
  const form = new FormData();
  form.append('model', model);
  form.append('response_format', 'verbose_json');
  // Word times link the difference to the sound, where the model gives them.
  if (kind === 'text' && !lacksWordTimes(model)) {
    form.append('timestamp_granularities[]', 'segment');
    form.append('timestamp_granularities[]', 'word');
  }
  form.append('cache', 'false');
  form.append('file', file, file.name);
  return form;
}
