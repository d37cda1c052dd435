/** A model list of two transcription models whose files the test app lays down: `fake/echo` and `fake/silent`. */
import type { Family } from '../../backend/src/models/define-model.ts';
import { families as silent } from '../api/silent-model.ts';
import echo from '../support/fake-models/echo/definition.ts';

export const families: readonly Family[] = [echo, ...silent];

export const TWO_MODELS_LIST = import.meta.url;
