import { Tabs } from '@mantine/core';
import { useRef } from 'react';
import { CopyButton } from '../../components/copy-button.tsx';
import { ScrollRegion } from '../../components/scroll-region.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import classes from './code-card.module.css';
import { codeSample, LANGUAGES, type Sample } from './code-samples.ts';
import { messages } from './messages.ts';

const NAMES = { curl: 'curl', python: 'Python', node: 'Node' } as const;

/** The request that the form makes, for a program. */
export function CodeCard({ sample }: { sample: Sample }) {
  const t = useT(messages);
  return (
    <section aria-labelledby="code-heading">
      <h2 id="code-heading">{t('code')}</h2>
      <p>{t('codeHint')}</p>
      <Tabs defaultValue="curl" keepMounted={false}>
        <Tabs.List>
          {LANGUAGES.map((language) => (
            <Tabs.Tab key={language} value={language}>
              {NAMES[language]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {LANGUAGES.map((language) => (
          <Tabs.Panel key={language} value={language}>
            <Code text={codeSample(language, sample)} />
          </Tabs.Panel>
        ))}
      </Tabs>
    </section>
  );
}

function Code({ text }: { text: string }) {
  const block = useRef<HTMLPreElement>(null);
  return (
    <div className={classes.frame}>
      <ScrollRegion as="pre" ref={block} className={classes.code}>
        {text}
      </ScrollRegion>
      <div className={classes.copy}>
        <CopyButton value={text} target={block} />
      </div>
    </div>
  );
}
