/** What makes sense for a model as it is, the main thing first. */
import type { AdminModel } from '@contract/admin.ts';
import { hasProcess } from '../../lib/device-memory.ts';

export type ModelAction =
  | 'download'
  | 'retryDownload'
  | 'pause'
  | 'resume'
  | 'cancel'
  | 'load'
  | 'move'
  | 'reload'
  | 'unload'
  | 'deleteFiles'
  | 'remove';

type Model = Pick<AdminModel, 'files' | 'status' | 'replicas' | 'registered' | 'bundled'>;

export function actionsFor(model: Model): ModelAction[] {
  // What ships with the gateway stays.
  const actions = actionsOfState(model).filter((action) => !model.bundled || action !== 'deleteFiles');
  const isInUse = model.files.state === 'downloading' || model.replicas.some(hasProcess);
  return model.registered && !isInUse ? [...actions, 'remove'] : actions;
}

function actionsOfState({ files, status, replicas }: Model): ModelAction[] {
  if (files.download?.phase === 'paused') return ['resume', 'cancel'];
  if (files.state === 'downloading') return ['pause', 'cancel'];
  if (files.state === 'failed') return ['retryDownload', 'cancel'];
  if (files.state === 'absent') return ['download'];
  if (replicas.some(hasProcess)) return ['unload', 'move', 'reload'];
  if (status === 'failed') return ['reload', 'load', 'deleteFiles'];
  return ['load', 'deleteFiles'];
}
