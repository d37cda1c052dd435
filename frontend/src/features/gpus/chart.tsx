/** One chart of several that share an axis of time and a cursor. */
import 'uplot/dist/uPlot.min.css';
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import classes from './chart.module.css';
import type { Column } from './chart-data.ts';

export interface ChartLine {
  name: string;
  values: Column;
  /** As the legend shows them, where they are drawn on top of others. */
  own?: Column;
  /** 1 … 8, or undefined for what has no colour of its own. */
  series: number | undefined;
}

export interface ChartMarker {
  /** Unix seconds. */
  at: number;
  tone: 'ok' | 'idle' | 'error';
}

export interface ChartProps {
  title: string;
  axis: readonly number[];
  lines: readonly ChartLine[];
  /** Each on top of the one before, the space between filled. */
  isStacked?: boolean;
  markers: readonly ChartMarker[];
  format: (value: number) => string;
  formatTime: (at: number) => string;
  timeLabel: string;
  /** Upper end of the scale, where there is a natural one. */
  max?: number | undefined;
}

const HEIGHT = 180;
const SYNC = 'gpus';

export function Chart(props: ChartProps) {
  const { title, axis, lines } = props;
  const container = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const latest = useRef(props);
  latest.current = props;
  const scheme = useComputedColorScheme();
  // Another set of lines or another scheme needs another plot; new values do not.
  const shape = JSON.stringify([
    scheme,
    title,
    lines.map(({ name, series }) => [name, series]),
    props.isStacked,
    props.max,
  ]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for all that a plot is made of
  useEffect(() => {
    const element = container.current;
    if (element === null) return;
    const made = new uPlot(optionsFor(latest, element), dataOf(latest.current), element);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      // It tells the size at its start too; drawing all again for that takes a frame's time.
      if (element.clientWidth !== made.width) made.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the values are what changed
  useEffect(() => {
    plot.current?.setData(dataOf(latest.current));
  }, [axis, lines]);

  return (
    <figure className={classes.figure}>
      <figcaption className={classes.title}>{title}</figcaption>
      <div ref={container} className={classes.plot} aria-hidden />
    </figure>
  );
}

function dataOf({ axis, lines }: ChartProps): uPlot.AlignedData {
  return [[...axis], ...lines.map(({ values }) => values)];
}

function optionsFor(latest: { current: ChartProps }, element: HTMLElement): uPlot.Options {
  const { lines, isStacked, max, timeLabel } = latest.current;
  const style = getComputedStyle(element);
  const tone = (name: string) => resolved(element, `var(--agw-${name})`);
  const text = {
    stroke: tone('dimmed'),
    grid: { stroke: tone('line'), width: 1 },
    ticks: { stroke: tone('line'), width: 1 },
  };
  const font = `12px ${style.fontFamily}`;
  const colorOf = (series: number | undefined) => tone(series === undefined ? 'dimmed' : `series-${series}`);
  return {
    width: element.clientWidth,
    height: HEIGHT,
    scales: { y: { range: (_plot, _min, most) => [0, max ?? Math.max(1, (most ?? 1) * 1.1)] } },
    axes: [
      { ...text, font, values: (_plot, splits) => splits.map((at) => latest.current.formatTime(at)) },
      { ...text, font, size: 72, values: (_plot, splits) => splits.map((value) => latest.current.format(value)) },
    ],
    cursor: { sync: { key: SYNC }, drag: { x: false, y: false }, points: { size: 6 } },
    legend: { live: true },
    series: [
      { label: timeLabel, value: (_plot, at) => (at === null ? '–' : latest.current.formatTime(at)) },
      ...lines.map(({ name, series }, line): uPlot.Series => {
        const color = colorOf(series);
        return {
          label: name,
          stroke: color,
          width: isStacked === true ? 1 : 1.5,
          spanGaps: false,
          points: { size: 4 },
          ...(isStacked === true && line === 0 && { fill: faint(color) }),
          value: (_plot, _value, _series, span) => {
            const shown = latest.current.lines[line];
            const value = span === null ? null : (shown?.own ?? shown?.values)?.[span];
            return value === null || value === undefined ? '–' : latest.current.format(value);
          },
        };
      }),
    ],
    ...(isStacked === true && {
      bands: lines.slice(1).map(({ series }, line) => ({
        series: [line + 2, line + 1] as [number, number],
        fill: faint(colorOf(series)),
      })),
    }),
    hooks: { draw: [(plot) => drawMarkers(plot, latest.current.markers, tone)] },
  };
}

function drawMarkers(plot: uPlot, markers: readonly ChartMarker[], tone: (name: string) => string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.setLineDash([4, 4]);
  ctx.lineWidth = 1;
  for (const { at, tone: name } of markers) {
    const x = Math.round(plot.valToPos(at, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = tone(name);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

/** A canvas knows neither variables nor `light-dark()`. */
function resolved(element: HTMLElement, color: string): string {
  const before = element.style.color;
  element.style.color = color;
  const value = getComputedStyle(element).color;
  element.style.color = before;
  return value;
}

function faint(color: string): string {
  return color.startsWith('rgb(') ? color.replace('rgb(', 'rgba(').replace(')', ', 0.35)') : color;
}
