/** What scrolls and holds little or nothing that takes the focus: the keyboard must reach it to scroll it. */
import type { HTMLAttributes, Ref } from 'react';

export interface ScrollRegionProps extends Omit<HTMLAttributes<HTMLElement>, 'tabIndex'> {
  /** What it holds; not for a <pre>, which has no name. */
  label?: string;
  as?: 'section' | 'div' | 'pre' | 'ol';
  ref?: Ref<HTMLElement>;
}

export function ScrollRegion({ label, as = 'section', ref, ...attributes }: ScrollRegionProps) {
  // One component for all of them: to TypeScript each has a ref of its own kind.
  const Element = as as 'section';
  return <Element {...attributes} ref={ref} aria-label={label} tabIndex={0} />;
}
