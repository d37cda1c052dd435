import { ActionIcon, Button } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconCopy } from '@tabler/icons-react';
import { type RefObject, useEffect, useState } from 'react';
import { useT } from '../lib/i18n/use-t.ts';
import { messages } from './messages.ts';

export interface CopyButtonProps {
  value: string;
  /** Selected when copying is not allowed (plain HTTP), so that Ctrl+C does it. */
  target?: RefObject<HTMLElement | null>;
  /** A button with a word instead of an icon. */
  label?: string;
}

const SHOWN_MS = 2_500;

/** Copies, and says truly whether that worked. */
export function CopyButton({ value, target, label }: CopyButtonProps) {
  const t = useT(messages);
  const [result, setResult] = useState<'copied' | 'failed'>();
  useEffect(() => {
    if (result !== 'copied') return;
    const timer = setTimeout(() => setResult(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [result]);

  const copy = async () => {
    const copied = await write(value);
    if (!copied && target?.current != null) select(target.current);
    setResult(copied ? 'copied' : 'failed');
  };
  const word = result === undefined ? (label ?? t('copy')) : result === 'copied' ? t('copied') : t('copyFailed');
  const Icon = result === undefined ? IconCopy : result === 'copied' ? IconCheck : IconAlertTriangle;
  return (
    <>
      {label === undefined ? (
        <ActionIcon size="sm" aria-label={word} title={word} onClick={copy}>
          <Icon size={16} aria-hidden />
        </ActionIcon>
      ) : (
        <Button variant="default" leftSection={<Icon size={16} aria-hidden />} onClick={copy}>
          {result === 'failed' ? label : word}
        </Button>
      )}
      <span role="status">{result === 'failed' ? t('copyFailed') : ''}</span>
    </>
  );
}

async function write(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function select(element: HTMLElement): void {
  if (element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement) {
    element.focus();
    element.select();
    return;
  }
  getSelection()?.selectAllChildren(element);
}
