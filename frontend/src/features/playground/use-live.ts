/** A recording whose text is shown as it is heard: an answer of its own, which nothing keeps. */
import { useMutation } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { streamTranscription } from '../../api/stream-transcription.ts';
import { formOf, type Submission } from './use-submit.ts';

export function useLive() {
  const [text, setText] = useState('');
  const running = useRef<AbortController>(undefined);
  const mutation = useMutation({
    mutationFn: async (submission: Submission) => {
      running.current?.abort();
      const controller = new AbortController();
      running.current = controller;
      setText('');
      const form = formOf(submission);
      form.append('stream', 'true');
      const whole = await streamTranscription({
        path: submission.request.path,
        form,
        signal: controller.signal,
        onDelta: (delta) => setText((before) => before + delta),
      });
      setText(whole);
    },
  });
  return { ...mutation, text, stop: () => running.current?.abort() };
}
