import { useRef } from 'react';
import classes from './code-block.module.css';
import { CopyButton } from './copy-button.tsx';

export interface CodeBlockProps {
  /** What it is, for those who do not see it. */
  label: string;
  children: string;
}

/** Code or JSON as it is, to be copied. */
export function CodeBlock({ label, children }: CodeBlockProps) {
  const text = useRef<HTMLPreElement>(null);
  return (
    <div className={classes.block}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <section className={classes.scroller} tabIndex={0} aria-label={label}>
        <pre ref={text} className={classes.text}>
          {children}
        </pre>
      </section>
      <div className={classes.copy}>
        <CopyButton value={children} target={text} />
      </div>
    </div>
  );
}
