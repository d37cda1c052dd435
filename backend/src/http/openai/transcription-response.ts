import type { Response } from 'express';
import type { TranscriptionResult } from '../../contract/transcription.ts';
import { languageName } from '../../text/languages.ts';
import { toSrt, toVtt } from '../../text/subtitles.ts';
import type { TranscriptionForm } from './transcription-form.ts';

/** Renders a finished transcription in the format asked for. Text formats must not be JSON-typed: clients would parse them. */
export function sendTranscription(response: Response, result: TranscriptionResult, form: TranscriptionForm): void {
  const usage = { type: 'duration', seconds: Math.ceil(result.duration) } as const;
  switch (form.format) {
    case 'json':
      response.json({ text: result.text, usage });
      return;
    case 'verbose_json':
      response.json({
        task: 'transcribe',
        language: languageName(result.language) ?? result.language,
        duration: result.duration,
        text: result.text,
        ...(form.granularities.has('segment') ? { segments: result.segments } : {}),
        ...(form.granularities.has('word') ? { words: result.words } : {}),
        usage,
      });
      return;
    case 'text':
      sendText(response, `${result.text}\n`);
      return;
    case 'srt':
      sendText(response, toSrt(result.segments));
      return;
    case 'vtt':
      sendText(response, toVtt(result.segments));
  }
}

function sendText(response: Response, text: string): void {
  response.type('text/plain; charset=utf-8').send(text);
}
