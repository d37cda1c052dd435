import type { Response } from 'express';
import type { TranscriptionResult, TranscriptSegment } from '../../contract/transcription.ts';
import { languageName } from '../../text/languages.ts';
import { toSrt, toVtt } from '../../text/subtitles.ts';
import type { TranscriptionForm } from './transcription-form.ts';

export type AnswerForm = Pick<TranscriptionForm, 'format' | 'granularities'>;

/** Renders a finished transcription in the format asked for. Text formats must not be JSON-typed: clients would parse them. */
export function sendTranscription(response: Response, result: TranscriptionResult, form: AnswerForm): void {
  const usage = { type: 'duration', seconds: Math.ceil(result.duration) } as const;
  switch (form.format) {
    case 'json':
      response.json({ text: result.text, ...extrasOf(result), usage });
      return;
    case 'verbose_json':
      response.json({
        task: 'transcribe',
        language: languageName(result.language) ?? result.language,
        duration: result.duration,
        text: result.text,
        ...(form.granularities.has('segment') ? { segments: result.segments.map(named) } : {}),
        ...(form.granularities.has('word') ? { words: result.words } : {}),
        ...suppressed(result),
        usage,
      });
      return;
    default:
      sendAsText(response, result, form.format);
  }
}

/** Renders a finished translation; its text is English. */
export function sendTranslation(
  response: Response,
  result: TranscriptionResult,
  { format }: Pick<AnswerForm, 'format'>,
): void {
  switch (format) {
    case 'json':
      response.json({ text: result.text });
      return;
    case 'verbose_json':
      response.json({
        task: 'translate',
        language: 'english',
        duration: result.duration,
        text: result.text,
        segments: result.segments,
        ...suppressed(result),
      });
      return;
    default:
      sendAsText(response, result, format);
  }
}

/** What was asked for besides the text, for `json` answers and the last event of a stream. */
export function extrasOf({ logprobs, languages }: TranscriptionResult) {
  return {
    ...(languages === undefined ? {} : { languages: languages.map((code) => ({ code })) }),
    ...(logprobs === undefined ? {} : { logprobs }),
  };
}

/** Its language by name, as the transcript's. */
function named(segment: TranscriptSegment): TranscriptSegment {
  const { language } = segment;
  return language === undefined ? segment : { ...segment, language: languageName(language) ?? language };
}

function suppressed({ suppressed_segments: segments }: TranscriptionResult) {
  return segments === undefined ? {} : { suppressed_segments: segments };
}

function sendAsText(response: Response, { text, segments }: TranscriptionResult, format: 'text' | 'srt' | 'vtt'): void {
  if (format === 'text') sendText(response, `${text}\n`);
  else sendText(response, format === 'srt' ? toSrt(segments) : toVtt(segments));
}

function sendText(response: Response, text: string): void {
  response.type('text/plain; charset=utf-8').send(text);
}
