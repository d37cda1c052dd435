/** As much of OpenAPI 3.1 as this gateway's document uses, and what a reader asks of it. */
import { z } from 'zod';

/** JSON Schema; what is not named here is shown nowhere. */
export interface Schema {
  $ref?: string | undefined;
  type?: string | string[] | undefined;
  format?: string | undefined;
  description?: string | undefined;
  enum?: unknown[] | undefined;
  const?: unknown;
  default?: unknown;
  minimum?: number | undefined;
  maximum?: number | undefined;
  maxLength?: number | undefined;
  pattern?: string | undefined;
  properties?: Record<string, Schema> | undefined;
  required?: string[] | undefined;
  items?: Schema | undefined;
  anyOf?: Schema[] | undefined;
  oneOf?: Schema[] | undefined;
  allOf?: Schema[] | undefined;
  additionalProperties?: unknown;
}

const schema: z.ZodType<Schema> = z.looseObject({}) as z.ZodType<Schema>;
const content = z.record(z.string(), z.object({ schema: schema.optional() }));
const parameter = z.object({
  name: z.string(),
  in: z.enum(['path', 'query', 'header', 'cookie']),
  description: z.string().optional(),
  required: z.boolean().optional(),
  schema: schema.optional(),
});
const operation = z.object({
  operationId: z.string(),
  summary: z.string().optional(),
  description: z.string().optional(),
  tags: z.array(z.string()).optional(),
  security: z.array(z.looseObject({})).optional(),
  parameters: z.array(parameter).optional(),
  requestBody: z.object({ content, description: z.string().optional() }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string().optional(), content: content.optional() })),
});

export const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

export const openApiDocument = z.object({
  openapi: z.string(),
  info: z.object({ title: z.string(), version: z.string(), description: z.string().optional() }),
  paths: z.record(z.string(), z.partialRecord(z.enum(METHODS), operation)),
  components: z.object({ schemas: z.record(z.string(), schema).optional() }).optional(),
});
export type OpenApiDocument = z.infer<typeof openApiDocument>;

export type Operation = z.infer<typeof operation> & { method: (typeof METHODS)[number]; path: string };

export interface OperationGroup {
  name: string;
  operations: Operation[];
}

/** Operations by their first tag, in the document's order; those that every word of the query is found in. */
export function findOperations(document: OpenApiDocument, query = ''): OperationGroup[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map<string, Operation[]>();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const described = item[method];
      if (described === undefined) continue;
      const [tag = 'Other'] = described.tags ?? [];
      const text = [method, path, tag, described.operationId, described.summary ?? ''].join(' ').toLowerCase();
      if (!words.every((word) => text.includes(word))) continue;
      const group = groups.get(tag) ?? [];
      groups.set(tag, group);
      group.push({ ...described, method, path });
    }
  }
  return [...groups].map(([name, operations]) => ({ name, operations }));
}

const REF = '#/components/schemas/';

/** The schema itself, and its name where it has one. */
export function resolveSchema(document: OpenApiDocument, schema: Schema): { name?: string; schema: Schema } {
  if (schema.$ref?.startsWith(REF) !== true) return { schema };
  const name = schema.$ref.slice(REF.length);
  return { name, schema: document.components?.schemas?.[name] ?? {} };
}

/** `string | null`, `Job[]`, `"a" | "b"`: the type in a line. */
export function typeText(schema: Schema): string {
  if (schema.$ref !== undefined) return schema.$ref.slice(REF.length);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return [...new Set(choices.map(typeText))].join(' | ');
  if (schema.allOf !== undefined) return schema.allOf.map(typeText).join(' & ');
  if (schema.items !== undefined) {
    const item = typeText(schema.items);
    return item.includes(' ') ? `(${item})[]` : `${item}[]`;
  }
  const type = Array.isArray(schema.type) ? schema.type.join(' | ') : (schema.type ?? 'any');
  return schema.format === undefined ? type : `${type} (${schema.format})`;
}

/** Names the schema leads to and that have members to show: its own, its items', its choices'. */
export function innerSchemas(schema: Schema): Schema[] {
  const inner = [schema.items, ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  return inner.filter((each) => each !== undefined).filter((each) => typeText(each) !== 'null');
}

/** The request as curl sends it, with `$API_KEY` for the key. @param origin `http://host:8000` */
export function curlOf(document: OpenApiDocument, operation: Operation, origin: string): string {
  const query = (operation.parameters ?? [])
    .filter((each) => each.in === 'query' && each.required === true)
    .map(({ name }) => `${name}=…`)
    .join('&');
  const parts = [`curl ${origin}${operation.path}${query === '' ? '' : `?${query}`}`];
  if (operation.method !== 'get') parts[0] = `curl -X ${operation.method.toUpperCase()} ${parts[0]?.slice(5)}`;
  if (operation.security !== undefined) parts.push('-H "Authorization: Bearer $API_KEY"');
  const body = operation.requestBody?.content;
  const form = body?.['multipart/form-data'];
  const json = body?.['application/json'];
  if (form?.schema !== undefined) {
    const { schema } = resolveSchema(document, form.schema);
    const required = schema.required ?? [];
    const names = required.includes('file') || schema.properties?.file === undefined ? required : ['file', ...required];
    parts.push(...names.map((name) => (name === 'file' ? '-F file=@audio.wav' : `-F ${name}=…`)));
  } else if (json?.schema !== undefined) {
    parts.push('-H "Content-Type: application/json"', `-d '${JSON.stringify(sampleOf(document, json.schema))}'`);
  }
  return parts.join(' \\\n  ');
}

/** The least that the schema takes. */
function sampleOf(document: OpenApiDocument, given: Schema, depth = 0): unknown {
  const { schema } = resolveSchema(document, given);
  if (schema.const !== undefined) return schema.const;
  if (schema.default !== undefined) return schema.default;
  const [first] = schema.enum ?? schema.anyOf ?? schema.oneOf ?? [];
  if (schema.enum !== undefined) return first;
  if (first !== undefined) return sampleOf(document, first as Schema, depth + 1);
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case 'object': {
      const names = depth > 3 ? [] : (schema.required ?? []);
      return Object.fromEntries(
        names.map((name) => [name, sampleOf(document, schema.properties?.[name] ?? {}, depth + 1)]),
      );
    }
    case 'array':
      return schema.items === undefined || depth > 3 ? [] : [sampleOf(document, schema.items, depth + 1)];
    case 'integer':
    case 'number':
      return schema.minimum ?? 0;
    case 'boolean':
      return false;
    default:
      return '…';
  }
}
