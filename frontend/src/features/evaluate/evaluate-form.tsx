import type { AdminModel } from '@contract/admin.ts';
import { TEXT_NORMALIZERS } from '@contract/evaluations.ts';
import { Button, Fieldset, NativeSelect, Progress, SegmentedControl, Textarea } from '@mantine/core';
import { useState } from 'react';
import { DropArea } from '../../components/audio/drop-area.tsx';
import { useOfflineReason } from '../../components/data-age.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import classes from './evaluate.module.css';
import type { Kind, Reference } from './evaluation-run.ts';
import { messages } from './messages.ts';
import { type Side, useComparison } from './use-comparison.ts';

export interface EvaluateFormProps {
  models: readonly AdminModel[];
  reference: Reference;
  onReference: (reference: Reference) => void;
  onJobs: (ids: readonly string[]) => void;
}

const MODEL_TASK: Record<Kind, string> = { text: 'transcription', speakers: 'diarization' };
const NO_SIDE: Side = { model: '', precision: '' };
const SIDES = ['A', 'B'] as const;

export function EvaluateForm({ models, reference, onReference, onJobs }: EvaluateFormProps) {
  const t = useT(messages);
  const { bytes } = useFormat();
  const offline = useOfflineReason();
  const [file, setFile] = useState<File>();
  const [chosen, setChosen] = useState<readonly [Side, Side]>([NO_SIDE, NO_SIDE]);
  const comparison = useComparison(onJobs);
  const fitting = models.filter(({ task }) => task === MODEL_TASK[reference.kind]);
  const sides = chosen.map((side) =>
    fitting.some(({ id }) => id === side.model) ? side : { model: preferred(fitting)?.id ?? '', precision: '' },
  ) as [Side, Side];
  const change = (at: 0 | 1, side: Side) => setChosen(at === 0 ? [side, sides[1]] : [sides[0], side]);
  const isEmpty = reference.text.trim() === '';
  const reason =
    offline ??
    (file === undefined
      ? t('needsFile')
      : isEmpty
        ? t('needsReference')
        : sides[0].model === ''
          ? t('needsModel')
          : undefined);
  return (
    <form
      className={classes.card}
      onSubmit={(event) => {
        event.preventDefault();
        if (file !== undefined && reason === undefined && !comparison.isPending) {
          comparison.mutate({ kind: reference.kind, file, sides });
        }
      }}
    >
      <SegmentedControl
        fullWidth
        aria-label={t('kind')}
        value={reference.kind}
        onChange={(value) => onReference({ ...reference, kind: value === 'speakers' ? 'speakers' : 'text' })}
        data={[
          { value: 'text', label: t('kindText') },
          { value: 'speakers', label: t('kindSpeakers') },
        ]}
      />
      <DropArea onFile={setFile} />
      {file !== undefined && (
        <p className={classes.line}>
          <strong>{file.name}</strong> {bytes(file.size)}
        </p>
      )}
      <Textarea
        label={reference.kind === 'text' ? t('referenceText') : t('referenceRttm')}
        description={reference.kind === 'text' ? t('referenceTextHint') : t('referenceRttmHint')}
        rows={5}
        value={reference.text}
        onChange={(event) => onReference({ ...reference, text: event.currentTarget.value })}
      />
      {reference.kind === 'text' && (
        <NativeSelect
          label={t('normalizer')}
          description={t('normalizerHint')}
          value={reference.normalizer}
          onChange={({ currentTarget: { value } }) => {
            const normalizer = TEXT_NORMALIZERS.find((each) => each === value) ?? 'basic';
            onReference({ ...reference, normalizer });
          }}
          data={TEXT_NORMALIZERS.map((value) => ({ value, label: t(`normalizer_${value}`) }))}
        />
      )}
      {SIDES.map((name, index) => {
        const at = index === 0 ? 0 : 1;
        const side = sides[at];
        const precisions = fitting.find(({ id }) => id === side.model)?.precisions ?? [];
        return (
          <Fieldset key={name} legend={name}>
            <NativeSelect
              label={t('modelOf', { side: name })}
              value={side.model}
              onChange={(event) => change(at, { model: event.currentTarget.value, precision: '' })}
              data={fitting.map(({ id }) => ({ value: id, label: id }))}
            />
            {precisions.length > 1 && (
              <NativeSelect
                mt="sm"
                label={t('precisionOf', { side: name })}
                description={t('precisionHint')}
                value={side.precision}
                onChange={(event) => change(at, { ...side, precision: event.currentTarget.value })}
                data={[
                  { value: '', label: t('asItIs') },
                  ...precisions.map((precision) => ({ value: precision, label: precision })),
                ]}
              />
            )}
          </Fieldset>
        );
      })}
      {comparison.phase === undefined ? (
        <Button type="submit" size="md" disabled={reason !== undefined} title={reason}>
          {t('compare')}
        </Button>
      ) : (
        <div className={classes.column}>
          {comparison.phase.share !== undefined && (
            <Progress value={100 * comparison.phase.share} aria-label={t('doing_uploading')} />
          )}
          <div className={classes.line}>
            <span role="status">
              {SIDES[comparison.phase.side]}: {t(`doing_${comparison.phase.doing}`)}
            </span>
            <Button variant="default" size="compact-sm" onClick={comparison.abort}>
              {t('stop')}
            </Button>
          </div>
        </div>
      )}
      {reason !== undefined && <p className={classes.dimmed}>{reason}</p>}
      {comparison.error !== null && !isAbort(comparison.error) && <ErrorCard error={comparison.error} />}
    </form>
  );
}

function preferred(models: readonly AdminModel[]): AdminModel | undefined {
  const find = (status: AdminModel['status']) => models.find((model) => model.status === status);
  return find('ready') ?? find('downloaded') ?? models[0];
}

const isAbort = (error: unknown) => error instanceof DOMException && error.name === 'AbortError';
