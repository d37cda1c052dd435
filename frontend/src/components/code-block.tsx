import { useRef } from 'react';
import classes from './code-block.module.css';
import { CopyButton } from './copy-button.tsx';

/** Code or JSON as it is, to be copied. */
export function CodeBlock({ children }: { children: string }) {
  const text = useRef<HTMLPreElement>(null);
  return (
    <div className={classes.block}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <pre ref={text} className={classes.text} tabIndex={0}>
        {children}
      </pre>
      <div className={classes.copy}>
        <CopyButton value={children} target={text} />
      </div>
    </div>
  );
}
