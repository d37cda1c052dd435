/** One chart of several that share an axis of time and a cursor. */
import 'uplot/dist/uPlot.min.css';
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import classes from './chart.module.css';
import { type ChartContent, ChartPlot } from './chart-plot.ts';

export function Chart(content: ChartContent) {
  const container = useRef<HTMLDivElement>(null);
  const plot = useRef<ChartPlot>(undefined);
  const scheme = useComputedColorScheme();
  useEffect(() => {
    if (container.current === null) return;
    const made = new ChartPlot(container.current);
    plot.current = made;
    return () => made.remove();
  }, []);
  useEffect(() => plot.current?.show(content, scheme));
  return (
    <figure className={classes.figure}>
      <figcaption className={classes.title}>{content.title}</figcaption>
      <div ref={container} className={classes.plot} aria-hidden />
    </figure>
  );
}
