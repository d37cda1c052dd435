/**
 * Reads Prometheus' text format, strictly: https://prometheus.io/docs/instrumenting/exposition_formats
 * Where `promtool` is installed, the tests ask it as well.
 */
export interface MetricFamily {
  type: string;
  help: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = String.raw`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"`;
const SAMPLE = new RegExp(
  String.raw`^(${NAME})(?:\{((?:${LABEL}(?:,${LABEL})*)?)\})? ([-+]?(?:\d[\d.]*(?:e[-+]?\d+)?|Inf)|NaN)$`,
  // As Go's ParseFloat, which reads them.
  'i',
);

/** @throws Error that quotes the first line which is wrong */
export function parsePrometheus(text: string): Map<string, MetricFamily> {
  const families = new Map<string, MetricFamily>();
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const seen = new Set<string>();
  let current: [name: string, family: MetricFamily] | undefined;
  for (const line of text.split('\n').filter((item) => item !== '')) {
    const comment = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line);
    const sample = SAMPLE.exec(line);
    if (comment !== null) {
      const [, kind, name = '', rest = ''] = comment;
      if (kind === 'HELP') {
        if (families.has(name)) throw new Error(`twice: ${line}`);
        current = [name, { type: '', help: rest, samples: [] }];
        families.set(...current);
      } else if (current?.[0] === name) current[1].type = rest;
      else throw new Error(`TYPE without HELP: ${line}`);
    } else if (sample !== null && current !== undefined) {
      const [whole, name = '', labels = ''] = sample;
      const [family, { type, samples }] = current;
      const suffix = name.slice(family.length);
      const allowed = type === 'histogram' || type === 'summary' ? ['', '_bucket', '_sum', '_count'] : [''];
      if (!name.startsWith(family) || !allowed.includes(suffix)) throw new Error(`in the wrong family: ${line}`);
      if (seen.has(`${name}{${labels}}`)) throw new Error(`twice: ${line}`);
      seen.add(`${name}{${labels}}`);
      const pairs = [...labels.matchAll(new RegExp(LABEL, 'g'))].map(([, key = '', value = '']) => [key, value]);
      samples.push({ name, labels: Object.fromEntries(pairs), value: Number(whole.split(' ').at(-1)) });
    } else throw new Error(`not understood: ${line}`);
  }
  return families;
}
