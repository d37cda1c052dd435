import { useState } from 'react';
import { useT } from '../../lib/i18n/use-t.ts';
import {
  innerSchemas,
  type OpenApiDocument,
  resolveSchema,
  type Schema,
  typeText,
} from '../../lib/openapi-document.ts';
import classes from './docs.module.css';
import { messages } from './messages.ts';

export interface SchemaViewProps {
  document: OpenApiDocument;
  schema: Schema;
}

/** A schema's members, and theirs when they are asked for. */
export function SchemaView({ document, schema: given }: SchemaViewProps) {
  const { schema } = resolveSchema(document, given);
  const members = Object.entries(schema.properties ?? {});
  if (members.length === 0) {
    return (
      <>
        {schema.items === undefined && innerSchemas(schema).length === 0 && <code>{typeText(given)}</code>}
        {innerSchemas(schema).map((inner) => (
          <InnerSchema key={typeText(inner)} document={document} schema={inner} />
        ))}
      </>
    );
  }
  return (
    <ul className={classes.members}>
      {members.map(([name, member]) => (
        <li key={name} className={classes.member}>
          <Member
            document={document}
            name={name}
            schema={member}
            isRequired={schema.required?.includes(name) === true}
          />
        </li>
      ))}
    </ul>
  );
}

export interface MemberProps extends SchemaViewProps {
  name: string;
  isRequired: boolean;
  /** Where it stands outside of the schema: a parameter's own words. */
  description?: string | undefined;
}

export function Member({ document, name, schema, isRequired, description }: MemberProps) {
  const t = useT(messages);
  const bounds = [
    schema.default !== undefined && t('defaultValue', { value: JSON.stringify(schema.default) }),
    isBound(schema.minimum) && t('least', { value: schema.minimum }),
    isBound(schema.maximum) && t('most', { value: schema.maximum }),
    schema.maxLength !== undefined && t('longest', { value: schema.maxLength }),
  ].filter((bound) => bound !== false);
  const words = description ?? schema.description;
  return (
    <>
      <code>
        <strong>{name}</strong>
      </code>{' '}
      <code className={classes.quiet}>{typeText(schema)}</code>{' '}
      {isRequired && <span className={classes.required}>{t('required')}</span>}{' '}
      {bounds.length > 0 && <span className={classes.quiet}>{bounds.join(', ')}</span>}
      {words !== undefined && <p>{words}</p>}
      {[schema, ...innerSchemas(schema)].filter(hasMembers).map((inner) => (
        <InnerSchema key={typeText(inner)} document={document} schema={inner} />
      ))}
    </>
  );
}

/** Rendered when it is opened: schemas name each other in circles. */
function InnerSchema({ document, schema }: SchemaViewProps) {
  const t = useT(messages);
  const [isOpen, setOpen] = useState(false);
  if (!hasMembers(schema) && innerSchemas(schema).length === 0) return <code>{typeText(schema)}</code>;
  return (
    <details className={classes.inner} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t('members', { name: typeText(schema) })}</summary>
      {isOpen && <SchemaView document={document} schema={schema} />}
    </details>
  );
}

function hasMembers(schema: Schema): boolean {
  return schema.$ref !== undefined || schema.properties !== undefined;
}

/** Integers of JSON Schema have bounds that say nothing. */
function isBound(value: number | undefined): value is number {
  return value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER;
}
