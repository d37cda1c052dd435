import type { ReactNode } from 'react';
import { CodeBlock } from '../../components/code-block.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { curlOf, type OpenApiDocument, type Operation } from '../../lib/openapi-document.ts';
import classes from './docs.module.css';
import { messages } from './messages.ts';
import { Member, SchemaView } from './schema-view.tsx';

export interface OperationViewProps {
  document: OpenApiDocument;
  operation: Operation;
  isOpen: boolean;
  onToggle: (isOpen: boolean) => void;
}

/** One operation; what is inside is rendered when it is opened. */
export function OperationView({ document, operation, isOpen, onToggle }: OperationViewProps) {
  const { method, path, summary } = operation;
  return (
    <details
      className={classes.operation}
      open={isOpen}
      onToggle={({ currentTarget: { open } }) => {
        if (open !== isOpen) onToggle(open);
      }}
    >
      <summary>
        <span className={classes.method} data-method={method}>
          {method.toUpperCase()}
        </span>
        <span className={classes.path}>{path}</span>
        <span className={classes.quiet}>{summary}</span>
      </summary>
      {isOpen && <Content document={document} operation={operation} />}
    </details>
  );
}

function Content({ document, operation }: Pick<OperationViewProps, 'document' | 'operation'>) {
  const t = useT(messages);
  const { parameters = [], requestBody, responses, security, description } = operation;
  const all = Object.entries(responses);
  const answers = all.filter(([status]) => Number(status) < 400);
  const errors = all.filter(([status]) => Number(status) >= 400);
  const curl = curlOf(document, operation, location.origin);
  return (
    <div className={classes.content}>
      <div>
        {security === undefined ? (
          <StateBadge tone="ok" word={t('open')} />
        ) : (
          <StateBadge tone="gated" word={t('needsKey')} />
        )}
        {description !== undefined && <p>{description}</p>}
      </div>
      <Part title={t('example')}>
        <CodeBlock>{curl}</CodeBlock>
      </Part>
      {parameters.length > 0 && (
        <Part title={t('parameters')}>
          <ul className={classes.members}>
            {parameters.map(({ name, in: place, required, schema = {}, description: words }) => (
              <li key={`${place} ${name}`} className={classes.member}>
                <span className={classes.quiet}>{place} </span>
                <Member
                  document={document}
                  name={name}
                  schema={schema}
                  isRequired={required === true}
                  description={words}
                />
              </li>
            ))}
          </ul>
        </Part>
      )}
      {requestBody !== undefined && (
        <Part title={t('body')}>
          {Object.entries(requestBody.content).map(([type, { schema }]) => (
            <div key={type}>
              <code className={classes.quiet}>{type}</code>
              {schema !== undefined && <SchemaView document={document} schema={schema} />}
            </div>
          ))}
        </Part>
      )}
      <Part title={t('responses')}>
        <ul className={classes.members}>
          {answers.map(([status, answer]) => (
            <li key={status} className={classes.member}>
              <strong>{status}</strong> {answer.description}
              {Object.entries(answer.content ?? {}).map(([type, { schema }]) => (
                <div key={type}>
                  <code className={classes.quiet}>{type}</code>
                  {schema !== undefined && <SchemaView document={document} schema={schema} />}
                </div>
              ))}
            </li>
          ))}
        </ul>
      </Part>
      {errors.length > 0 && (
        <Part title={t('errors')}>
          <p className={classes.quiet}>{t('errorForm')}</p>
          <ul className={classes.members}>
            {errors.map(([status, { description: words }]) => (
              <li key={status} className={classes.member}>
                <strong>{status}</strong> {words}
              </li>
            ))}
          </ul>
        </Part>
      )}
    </div>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      {children}
    </section>
  );
}
