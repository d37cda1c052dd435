/** A transcription that goes on where an earlier one was interrupted, in its PCM. */
import { existsSync } from 'node:fs';
import { readPcmFile, writePcmFile } from '../../audio/pcm-file.ts';
import type { TranscriptionResult } from '../../contract/transcription.ts';
import type { ResumeInput } from '../define-model.ts';
import type { Chunks } from './listener.ts';
import type { TranscribeOptions, WhisperModel } from './request.ts';
import { CannotResume, type ResumePoint } from './resume.ts';
import { transcribePcm } from './transcribe.ts';

/** What cannot be resumed (another version's checkpoint, other options) begins anew, at window 0. */
export async function transcribeResumably(
  model: WhisperModel,
  decode: () => Chunks,
  { pcmPath, from }: ResumeInput,
  options: TranscribeOptions,
): Promise<TranscriptionResult> {
  if (pcmPath === undefined) return transcribePcm(model, decode(), options);
  if (!existsSync(pcmPath)) await writePcmFile(pcmPath, decode());
  if (from !== undefined) {
    try {
      // Checked inside, where a checkpoint from anywhere is taken for what it may be.
      const resumeFrom = from as ResumePoint;
      return await transcribePcm(model, readPcmFile(pcmPath, sampleOf(resumeFrom)), { ...options, resumeFrom });
    } catch (error) {
      if (!(error instanceof CannotResume)) throw error;
    }
  }
  return transcribePcm(model, readPcmFile(pcmPath), options);
}

function sampleOf({ position }: ResumePoint): number {
  const sample: unknown = position?.sample;
  return typeof sample === 'number' ? sample : 0;
}
