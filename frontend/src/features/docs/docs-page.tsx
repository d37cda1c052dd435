import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { openApiQuery } from '../../api/openapi.ts';
import { EmptyState } from '../../components/empty-state.tsx';
import { FilterBar } from '../../components/filter-bar.tsx';
import { FilterInput } from '../../components/filter-input.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { findOperations, type OpenApiDocument } from '../../lib/openapi-document.ts';
import classes from './docs.module.css';
import { messages } from './messages.ts';
import { OperationView } from './operation-view.tsx';

const route = getRouteApi('/docs');

export function DocsPage() {
  const t = useT(messages);
  const { q, operation } = route.useSearch();
  const navigate = useNavigate();
  const go = (change: { q?: string | undefined; operation?: string | undefined }) =>
    void navigate({ to: '/docs', search: { q, operation, ...change }, replace: true });
  const query = useQuery(openApiQuery);
  return (
    <>
      <PageHeader
        title={t('title')}
        description={
          query.data !== undefined && (
            <>
              {t('version', { version: query.data.info.version })} · <a href="/openapi.json">{t('document')}</a>
              {query.data.info.description !== undefined && <p>{query.data.info.description}</p>}
            </>
          )
        }
        filters={q === undefined ? [] : [{ label: `${t('filter')}: ${q}`, onRemove: () => go({ q: undefined }) }]}
      />
      <FilterBar>
        <FilterInput label={t('search')} value={q} onChange={(value) => go({ q: value })} />
      </FilterBar>
      <QueryView query={query} errorTitle={t('readFailed')}>
        {(document) => <Groups document={document} q={q} open={operation} onOpen={(id) => go({ operation: id })} />}
      </QueryView>
    </>
  );
}

interface GroupsProps {
  document: OpenApiDocument;
  q: string | undefined;
  /** Id of the operation that is open. */
  open: string | undefined;
  onOpen: (id: string | undefined) => void;
}

function Groups({ document, q, open, onOpen }: GroupsProps) {
  const t = useT(messages);
  const navigate = useNavigate();
  const groups = useMemo(() => findOperations(document, q), [document, q]);
  if (groups.length === 0) {
    return (
      <EmptyState
        action={
          <Button variant="default" onClick={() => void navigate({ to: '/docs', replace: true })}>
            {t('clear')}
          </Button>
        }
      >
        {t('none')}
      </EmptyState>
    );
  }
  return groups.map(({ name, operations }) => (
    <section key={name} className={classes.group} aria-label={name}>
      <h2>{name}</h2>
      <p className={classes.quiet}>{t('count', { count: operations.length })}</p>
      {operations.map((operation) => (
        <OperationView
          key={operation.operationId}
          document={document}
          operation={operation}
          isOpen={open === operation.operationId}
          onToggle={(isOpen) => {
            if (isOpen) onOpen(operation.operationId);
            else if (open === operation.operationId) onOpen(undefined);
          }}
        />
      ))}
    </section>
  ));
}
