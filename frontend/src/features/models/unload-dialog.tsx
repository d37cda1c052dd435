/** What an unload would interrupt, how to go about it, and afterwards the proof that the memory is back. */
import type { AdminModel } from '@contract/admin.ts';
import { Button, Group, Radio, Stack } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { modelActions } from '../../api/model-actions.ts';
import { modelQuery } from '../../api/models.ts';
import { noteModel } from '../../api/note-model.ts';
import { noteOperation } from '../../api/operations.ts';
import { runningJobsQuery } from '../../api/overview.ts';
import { useOfflineReason } from '../../components/data-age.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { ReleaseProofs } from '../../components/release-proofs.tsx';
import { hasProcess } from '../../lib/device-memory.ts';
import { deviceName } from '../../lib/device-name.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import { ModelDialog } from './model-dialog.tsx';

/** While a proof is awaited and no event has brought it. */
const ASK_AGAIN_MS = 1_000;

export interface UnloadDialogProps {
  model: AdminModel;
  onClose: () => void;
}

export default function UnloadDialog(props: UnloadDialogProps) {
  const t = useT(messages);
  return (
    <ModelDialog size="lg" title={t('unloadTitle', { id: props.model.id })} onClose={props.onClose}>
      <UnloadForm {...props} />
    </ModelDialog>
  );
}

function UnloadForm({ model, onClose }: UnloadDialogProps) {
  const t = useT(messages);
  const client = useQueryClient();
  const offline = useOfflineReason();
  const { data: jobs = [] } = useQuery(runningJobsQuery);
  const [force, setForce] = useState(false);
  // Its replicas are gone once it is done: these are the ones that a proof is owed for.
  const [leaving] = useState(() => model.replicas.filter(hasProcess));
  const operation = { id: `unload ${model.id}`, kind: 'unload', subject: model.id } as const;
  const unload = useMutation({
    mutationFn: () => modelActions.unload(model.id, force),
    onMutate: () => noteOperation({ ...operation, state: 'running' }),
    onError: (error) => noteOperation({ ...operation, state: 'failed', reason: error.message }),
    onSuccess: (changed) => {
      noteOperation({ ...operation, state: 'succeeded' });
      noteModel(client, changed);
      void client.invalidateQueries({ queryKey: modelQuery(model.id).queryKey });
    },
  });
  const running = jobs.filter((job) => job.model === model.id);
  const requests = model.replicas.reduce((sum, { in_flight }) => sum + in_flight, 0);
  if (unload.isSuccess) return <Proof id={model.id} leaving={leaving} onClose={onClose} />;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        unload.mutate();
      }}
    >
      <Stack gap="md">
        <p>
          {t('unloadFrom', { devices: leaving.map((each) => deviceName(each.device, each.device_index)).join(', ') })}
        </p>
        <ul>
          <li>{t('requestsRunning', { count: requests })}</li>
          {model.queued > 0 && <li>{t('requestsWaiting', { count: model.queued })}</li>}
          {running.map(({ id, task }) => (
            <li key={id}>{t('jobRunning', { id, task })}</li>
          ))}
        </ul>
        <Radio.Group
          label={t('unloadHow')}
          value={force ? 'stop' : 'drain'}
          onChange={(value) => setForce(value === 'stop')}
        >
          <Stack gap="xs" mt="xs">
            <Radio value="drain" label={t('drain')} description={t('drainBody')} />
            <Radio value="stop" label={t('stop')} description={t('stopBody')} />
          </Stack>
        </Radio.Group>
        {unload.error !== null && <ErrorCard error={unload.error} title={t('unloadFailed')} />}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose}>
            {t('cancel')}
          </Button>
          <Button
            type="submit"
            color={force ? 'red' : 'brand'}
            loading={unload.isPending}
            disabled={offline !== undefined}
            title={offline}
          >
            {t('unload')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface ProofProps {
  id: string;
  leaving: AdminModel['replicas'];
  onClose: () => void;
}

function Proof({ id, leaving, onClose }: ProofProps) {
  const t = useT(messages);
  const { data, error } = useQuery({
    ...modelQuery(id),
    refetchInterval: ({ state }) => newestOf(state.data?.proofs ?? [], leaving).length < leaving.length && ASK_AGAIN_MS,
  });
  const proofs = newestOf(data?.proofs ?? [], leaving);
  return (
    <Stack gap="md">
      <div role="status">{proofs.length < leaving.length ? t('proofAwaited') : t('unloaded', { id })}</div>
      {error !== null && proofs.length === 0 && <ErrorCard error={error} />}
      <ReleaseProofs
        proofs={proofs.map((proof) => {
          const index = leaving.find((each) => each.id === proof.replica)?.device_index;
          return { ...proof, deviceName: deviceName(proof.device, index) };
        })}
      />
      <Group justify="flex-end">
        <Button onClick={onClose} data-autofocus>
          {t('close')}
        </Button>
      </Group>
    </Stack>
  );
}

/** A replica that is loaded anew keeps its id: only proofs since its present process began count. */
function newestOf<P extends { replica: string; at: number }>(
  proofs: readonly P[],
  leaving: AdminModel['replicas'],
): P[] {
  return leaving.flatMap(({ id, started_at }) => {
    const proof = proofs.find(({ replica, at }) => replica === id && at >= (started_at ?? 0));
    return proof === undefined ? [] : [proof];
  });
}
