import { useRef } from 'react';
import classes from './code-block.module.css';
import { CopyButton } from './copy-button.tsx';
import { ScrollRegion } from './scroll-region.tsx';

/** Code or JSON as it is, to be copied. */
export function CodeBlock({ children }: { children: string }) {
  const text = useRef<HTMLPreElement>(null);
  return (
    <div className={classes.block}>
      <ScrollRegion as="pre" ref={text} className={classes.text}>
        {children}
      </ScrollRegion>
      <div className={classes.copy}>
        <CopyButton value={children} target={text} />
      </div>
    </div>
  );
}
