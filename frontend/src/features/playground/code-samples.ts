/** The page's request as a program would send it; the key stays a variable of the environment. */
import type { AudioRequest } from './request.ts';

export const LANGUAGES = ['curl', 'python', 'node'] as const;
export type SampleLanguage = (typeof LANGUAGES)[number];

export interface Sample extends AudioRequest {
  /** `https://gateway.example`. */
  origin: string;
  fileName: string;
}

export function codeSample(language: SampleLanguage, sample: Sample): string {
  return SAMPLES[language](sample);
}

const SAMPLES: Record<SampleLanguage, (sample: Sample) => string> = {
  curl: ({ origin, path, fields, fileName }) =>
    [
      `curl ${shell(origin + path)}`,
      `-H "Authorization: Bearer $API_KEY"`,
      `-H 'Prefer: respond-async'`,
      // Within a form curl reads `;` and `,` of a file's name unless that is in double quotes.
      `-F ${shell(`file=@"${fileName.replaceAll(/["\\]/g, '\\$&')}"`)}`,
      ...fields.map(([name, value]) => `--form-string ${shell(`${name}=${value}`)}`),
    ].join(' \\\n  '),

  python: ({ origin, path, fields, fileName }) => `import os, time, requests

api = ${python(origin)}
headers = {"Authorization": f"Bearer {os.environ['API_KEY']}"}

with open(${python(fileName)}, "rb") as audio:
    answer = requests.post(
        api + ${python(path)},
        headers=headers | {"Prefer": "respond-async"},
        files={"file": audio},
        data=[
${fields.map(([name, value]) => `            (${python(name)}, ${python(value)}),\n`).join('')}        ],
    )
answer.raise_for_status()
job = answer.json()
while job["status"] in ("queued", "running"):
    time.sleep(1)
    job = requests.get(f"{api}/v1/jobs/{job['id']}", headers=headers).json()
print(requests.get(f"{api}/v1/jobs/{job['id']}/result", headers=headers).text)
`,

  node: ({ origin, path, fields, fileName }) => `import { openAsBlob } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

const api = ${quoted(origin)};
const headers = { authorization: \`Bearer \${process.env.API_KEY}\` };

const form = new FormData();
form.append('file', await openAsBlob(${quoted(fileName)}), ${quoted(fileName)});
${fields.map(([name, value]) => `form.append(${quoted(name)}, ${quoted(value)});\n`).join('')}
const answer = await fetch(api + ${quoted(path)}, {
  method: 'POST',
  headers: { ...headers, prefer: 'respond-async' },
  body: form,
});
if (!answer.ok) throw new Error(await answer.text());
let job = await answer.json();
while (job.status === 'queued' || job.status === 'running') {
  await setTimeout(1000);
  job = await (await fetch(\`\${api}/v1/jobs/\${job.id}\`, { headers })).json();
}
console.log(await (await fetch(\`\${api}/v1/jobs/\${job.id}/result\`, { headers })).text());
`,
};

/** One word for a POSIX shell, whatever is in it. */
function shell(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** What JSON escapes, Python reads in the same way. */
function python(text: string): string {
  return JSON.stringify(text);
}

function quoted(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${inner}'`;
}
