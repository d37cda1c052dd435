/** Sends the recording as a job; which one it became is the URL's to remember. */
import { job } from '@contract/jobs.ts';
import { useMutation } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { upload } from '../../api/upload.ts';
import type { AudioRequest } from './request.ts';

export interface Submission {
  request: AudioRequest;
  file: File;
}

export const isAbort = (error: unknown) => error instanceof DOMException && error.name === 'AbortError';

export function formOf({ request, file }: Submission): FormData {
  const form = new FormData();
  for (const [name, value] of request.fields) form.append(name, value);
  form.append('file', file, file.name);
  return form;
}

export function useSubmit(onJob: (id: string) => void) {
  /** 0 … 1 while it is sent. */
  const [share, setShare] = useState<number>();
  const running = useRef<AbortController>(undefined);
  const mutation = useMutation({
    mutationFn: (submission: Submission) => {
      const controller = new AbortController();
      running.current = controller;
      setShare(0);
      return upload({
        path: submission.request.path,
        form: formOf(submission),
        headers: { prefer: 'respond-async' },
        answer: job,
        signal: controller.signal,
        onProgress: setShare,
      });
    },
    onSuccess: ({ id }) => onJob(id),
    onSettled: () => setShare(undefined),
  });
  return { ...mutation, share, abort: () => running.current?.abort() };
}
