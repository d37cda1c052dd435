import type { Response } from 'express';
import type { TranscriptionResult, TranscriptSegment, Utterance } from '../../contract/transcription.ts';
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
        ...(result.diarization === undefined ? {} : { speakers: result.diarization.speakers }),
        ...suppressed(result),
        usage,
      });
      return;
    case 'diarized_json':
      response.json({
        task: 'transcribe',
        duration: result.duration,
        text: spokenLines(result.diarization?.utterances ?? []),
        segments: diarizedSegments(result),
        usage,
      });
      return;
    default:
      sendAsText(response, result, form.format === 'karaoke' ? 'text' : form.format);
  }
}

/** As `diarized_json` has them. None where nobody asked who speaks. */
export function diarizedSegments({ diarization }: TranscriptionResult) {
  return (diarization?.utterances ?? []).map(({ start, end, text, speaker }, index) => ({
    type: 'transcript.text.segment' as const,
    id: `seg_${String(index + 1).padStart(3, '0')}`,
    start,
    end,
    text,
    speaker,
  }));
}

function spokenLines(utterances: readonly Utterance[]): string {
  const lines: { speaker: string; text: string }[] = [];
  for (const { speaker, text } of utterances) {
    const last = lines.at(-1);
    if (last?.speaker === speaker) last.text += text;
    else lines.push({ speaker, text });
  }
  return lines.map(({ speaker, text }) => `${speaker}: ${text.trim()}`).join('\n');
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
      sendAsText(response, result, format === 'diarized_json' || format === 'karaoke' ? 'text' : format);
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

function sendAsText(response: Response, result: TranscriptionResult, format: 'text' | 'srt' | 'vtt'): void {
  if (format === 'text') {
    sendText(response, `${result.text}\n`);
    return;
  }
  const cues = result.diarization?.utterances ?? result.segments;
  sendText(response, format === 'srt' ? toSrt(cues) : toVtt(cues));
}

function sendText(response: Response, text: string): void {
  response.type('text/plain; charset=utf-8').send(text);
}
