import type { AdminModel } from '@contract/admin.ts';
import { useEffect, useRef, useState } from 'react';
import { describeChanges } from './describe-changes.ts';

/** The page's one polite live region for models: changes, not the whole list. */
export function Announcer({ models }: { models: AdminModel[] }) {
  const announced = useRef(models);
  const [text, setText] = useState('');
  useEffect(() => {
    const changes = describeChanges(announced.current, models);
    announced.current = models;
    if (changes.length > 0) setText(changes.join(' '));
  }, [models]);
  return (
    <p className="visually-hidden" role="status">
      {text}
    </p>
  );
}
