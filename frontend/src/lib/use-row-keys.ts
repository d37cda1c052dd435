import { useShortcuts } from './shortcuts.ts';

/** J and K go to the next and the previous row. @param selector of what takes the focus in each row, in order. */
export function useRowKeys(selector: string): void {
  const go = (step: 1 | -1) => () => {
    const rows = [...document.querySelectorAll<HTMLElement>(selector)];
    const present = rows.indexOf(document.activeElement as HTMLElement);
    const next = rows[present === -1 ? 0 : present + step];
    next?.focus();
    return next !== undefined;
  };
  useShortcuts({ j: go(1), k: go(-1) });
}
