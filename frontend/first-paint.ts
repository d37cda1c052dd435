/**
 * What is on the page before its script runs: the texts of the sign-in page, which is painted first, and the names of the
 * files that each screen needs, so that the browser asks for all of them at once instead of one after the other.
 */
import type { IndexHtmlTransformContext, Plugin } from 'vite';
import en from './src/features/sign-in/messages.en.ts';
import fr from './src/features/sign-in/messages.fr.ts';

const TEXTS = { en, fr } as const;
type Bundle = NonNullable<IndexHtmlTransformContext['bundle']>;
type Chunk = Extract<Bundle[string], { type: 'chunk' }>;
/** The page of a screen; its folder has the screen's name. */
const PAGE = /\/features\/([\w-]+)\/\1-page\.tsx$/;
const ENTRY = /<script type="module" crossorigin src="([^"]+)"><\/script>/;

export function firstPaint(): Plugin[] {
  return [
    {
      name: 'first-paint-texts',
      transformIndexHtml: {
        order: 'pre',
        // `{{keyHint}}` in both languages; the style sheet shows the reader's.
        handler: (html) => html.replaceAll(/\{\{(\w+)\}\}/g, (_, key) => inBoth(key)),
      },
    },
    {
      name: 'first-paint-files',
      apply: 'build',
      transformIndexHtml: {
        order: 'post',
        handler: (html, { bundle, chunk }) => {
          if (bundle === undefined || chunk === undefined) return html;
          if (!ENTRY.test(html)) throw new Error('index.html has no entry');
          // It is fetched with the rest, and started by `boot.js`.
          const page = html
            .replace(ENTRY, '<link rel="modulepreload" crossorigin href="$1" data-entry>')
            // The style sheets are what the first paint waits for.
            .replaceAll('<link rel="modulepreload"', '<link rel="modulepreload" fetchpriority="low"');
          return page.replace('<script', `${filesOfScreens(bundle, chunk.fileName)}\n    <script`);
        },
      },
    },
  ];
}

function inBoth(key: string): string {
  return Object.entries(TEXTS)
    .map(([language, texts]) => {
      if (!(key in texts)) throw new Error(`index.html wants the text '${key}', which the sign-in page does not have`);
      return `<span lang="${language}">${texts[key as keyof typeof texts]}</span>`;
    })
    .join('');
}

/** One `<meta>`: the files' names, and for each screen and language which of them. */
function filesOfScreens(bundle: Bundle, entry: string): string {
  const names: string[] = [];
  const indexOf = (name: string) => (names.includes(name) ? names.indexOf(name) : names.push(name) - 1);
  const there = withImports(bundle, entry, new Set());
  const needs = Object.values(bundle).flatMap((file) => {
    const screen = file.type === 'chunk' ? PAGE.exec(file.facadeModuleId ?? '')?.[1] : undefined;
    if (screen === undefined) return [];
    return Object.keys(TEXTS).map((language) => {
      const chunks = withTexts(bundle, withImports(bundle, file.fileName, new Set()), language);
      const wanted = [...chunks, ...withTexts(bundle, there, language)].filter((name) => !there.has(name));
      const files = new Set(wanted.flatMap((name) => [name, ...stylesOf(bundle, name)]));
      const indices = [...files].map((name) => indexOf(name.replace(/^assets\//, '')));
      return ` data-${screen}-${language}="${[...new Set(indices)].join(' ')}"`;
    });
  });
  return `<meta name="agw-files" content="${names.join(' ')}"${needs.join('')}>`;
}

/** A chunk and all that it imports. */
function withImports(bundle: Bundle, fileName: string, known: Set<string>): Set<string> {
  if (known.has(fileName)) return known;
  known.add(fileName);
  for (const name of chunkOf(bundle, fileName)?.imports ?? []) withImports(bundle, name, known);
  return known;
}

/** With the texts that the chunks load for themselves when they run. */
function withTexts(bundle: Bundle, chunks: ReadonlySet<string>, language: string): Set<string> {
  const texts = [...chunks]
    .flatMap((name) => chunkOf(bundle, name)?.dynamicImports ?? [])
    .filter((name) => chunkOf(bundle, name)?.moduleIds.every((id) => id.endsWith(`/messages.${language}.ts`)));
  return new Set([...chunks, ...texts]);
}

function stylesOf(bundle: Bundle, fileName: string): Iterable<string> {
  return chunkOf(bundle, fileName)?.viteMetadata?.importedCss ?? [];
}

function chunkOf(bundle: Bundle, fileName: string): Chunk | undefined {
  const file = bundle[fileName];
  return file?.type === 'chunk' ? file : undefined;
}
