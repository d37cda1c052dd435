/** Every model family. Adding one is adding a folder and its line here. */
import type { Family } from './define-model.ts';
import demucs from './demucs/definition.ts';
import mdx from './mdx/definition.ts';
import pyannote from './pyannote/definition.ts';
import transducer from './transducer/definition.ts';
import whisper from './whisper/definition.ts';

export const families: readonly Family[] = [transducer, whisper, pyannote, demucs, mdx];
