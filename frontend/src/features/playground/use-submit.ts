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

export function useSubmit(onJob: (id: string) => void) {
  /** 0 … 1 while it is sent. */
  const [share, setShare] = useState<number>();
  const running = useRef<AbortController>(undefined);
  const mutation = useMutation({
    mutationFn: ({ request, file }: Submission) => {
      const controller = new AbortController();
      running.current = controller;
      setShare(0);
      const form = new FormData();
      for (const [name, value] of request.fields) form.append(name, value);
      form.append('file', file, file.name);
      return upload({
        path: request.path,
        form,
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
