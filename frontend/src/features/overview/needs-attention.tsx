import type { AdminModel } from '@contract/admin.ts';
import type { Overview } from '@contract/overview.ts';
import { Button } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { modelActions } from '../../api/model-actions.ts';
import { noteModel } from '../../api/note-model.ts';
import { useOfflineReason } from '../../components/data-age.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { type Attention, attentionsOf } from './attention.ts';
import { Folded } from './folded.tsx';
import { messages } from './messages.ts';
import classes from './overview.module.css';

export interface NeedsAttentionProps {
  doctor: Overview['doctor'];
  models: readonly AdminModel[];
}

/**
 * The doctor's warnings and what failed, each with what mends it; one quiet line when there is nothing. What an
 * examination finds while the reader is here waits behind a button: it would push away what they look at.
 */
export function NeedsAttention({ doctor, models }: NeedsAttentionProps) {
  const t = useT(messages);
  const [showsFindings, setShowsFindings] = useState(doctor !== null);
  const all = attentionsOf(doctor, models);
  const items = showsFindings ? all : all.filter(({ kind }) => kind !== 'finding');
  const waiting = all.length - items.length;
  return (
    <section className={classes.section} aria-label={t('attention')}>
      <h2>{t('attention')}</h2>
      {items.length > 0 && (
        <Folded items={items} keyOf={({ kind, id }) => `${kind} ${id}`} label={t('attention')}>
          {(item) => (
            <div className={classes.item}>
              <Item item={item} />
            </div>
          )}
        </Folded>
      )}
      {(items.length === 0 || !showsFindings) && (
        <div role="status" className={classes.examined}>
          {waiting > 0 ? (
            <Button size="compact-md" variant="default" onClick={() => setShowsFindings(true)}>
              {t('examined', { count: waiting })}
            </Button>
          ) : (
            <p className={classes.quiet}>{doctor === null ? t('beingExamined') : items.length === 0 && t('allWell')}</p>
          )}
        </div>
      )}
    </section>
  );
}

function Item({ item }: { item: Attention }) {
  const t = useT(messages);
  const client = useQueryClient();
  const offline = useOfflineReason();
  const mend = useMutation({
    mutationFn: () => (item.kind === 'download' ? modelActions.download(item.id) : modelActions.reload(item.id)),
    onSuccess: (model) => noteModel(client, model),
  });
  const word = item.isFailure ? t('failure') : t('warning');
  const badge = <StateBadge tone={item.isFailure ? 'error' : 'warning'} word={word} />;
  if (item.kind === 'finding') {
    return (
      <>
        {badge}
        <div className={classes.words}>
          <p>{item.summary}</p>
          {item.fix !== null && <p className={classes.quiet}>{item.fix}</p>}
        </div>
      </>
    );
  }
  return (
    <>
      {badge}
      <div className={classes.words}>
        <p>
          <Link to="/models/$id" params={{ id: item.id } as never} className={classes.link}>
            {item.id}
          </Link>
          : {t(item.kind)}
        </p>
        {item.reason !== null && <p className={classes.quiet}>{item.reason}</p>}
        {mend.error !== null && <ErrorCard error={mend.error} />}
      </div>
      <Button
        size="compact-md"
        variant="default"
        loading={mend.isPending}
        disabled={offline !== undefined}
        title={offline}
        aria-label={t('mendOf', { id: item.id })}
        onClick={() => mend.mutate()}
      >
        {t('mend')}
      </Button>
    </>
  );
}
