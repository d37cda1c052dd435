/** A chart on its canvas: made when it comes near the window, drawn anew only for what has changed, one chart a frame. */
import uPlot from 'uplot';
import { onOwnFrame } from '../../lib/frame-queue.ts';
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

export interface ChartContent {
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

type Tone = (name: string) => string;

const HEIGHT = 180;
const SYNC = 'gpus';
/** How far below the window's edge a chart counts as in view: who scrolls to it finds it drawn. */
const AHEAD = '100% 0px';

export class ChartPlot {
  readonly #element: HTMLElement;
  readonly #size: ResizeObserver;
  readonly #view: IntersectionObserver;
  #plot: uPlot | undefined;
  #content: ChartContent | undefined;
  /** What the plot was made of, and the content that it shows. */
  #shape = '';
  #drawn: { shape: string; content: ChartContent } | undefined;
  #isInView = false;
  #cancel: (() => void) | undefined;

  constructor(element: HTMLElement) {
    this.#element = element;
    this.#size = new ResizeObserver(() => this.#fit());
    this.#size.observe(element);
    this.#view = new IntersectionObserver(
      (entries) => {
        this.#isInView = entries.at(-1)?.isIntersecting === true;
        this.#plan();
      },
      { rootMargin: AHEAD },
    );
    this.#view.observe(element);
  }

  /** @param scheme of the colours: another one needs another plot, as another set of lines does; new values do not */
  show(content: ChartContent, scheme: string): void {
    const { title, lines, isStacked, max } = content;
    this.#content = content;
    this.#shape = JSON.stringify([scheme, title, lines.map(({ name, series }) => [name, series]), isStacked, max]);
    this.#plan();
  }

  remove(): void {
    this.#isInView = false;
    this.#size.disconnect();
    this.#view.disconnect();
    this.#cancel?.();
    this.#plot?.destroy();
  }

  #plan(): void {
    if (this.#isInView && !this.#isCurrent()) this.#cancel = onOwnFrame(this.#draw);
  }

  #isCurrent(): boolean {
    const { axis, lines } = this.#drawn?.content ?? {};
    return this.#drawn?.shape === this.#shape && axis === this.#content?.axis && lines === this.#content?.lines;
  }

  readonly #draw = () => {
    const content = this.#content;
    if (content === undefined || this.#isCurrent()) return;
    const isSame = this.#drawn?.shape === this.#shape;
    this.#drawn = { shape: this.#shape, content };
    if (isSame && this.#plot !== undefined) {
      this.#plot.setData(dataOf(content));
      return;
    }
    this.#plot?.destroy();
    const current = () => this.#content ?? content;
    this.#plot = new uPlot(optionsFor(current, this.#element), dataOf(content), this.#element);
  };

  #fit(): void {
    const { clientWidth: width } = this.#element;
    // The observer tells the size at its start too; drawing all again for that takes a frame's time.
    if (this.#plot !== undefined && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
  }
}

function dataOf({ axis, lines }: ChartContent): uPlot.AlignedData {
  return [[...axis], ...lines.map(({ values }) => values)];
}

function optionsFor(current: () => ChartContent, element: HTMLElement): uPlot.Options {
  const { lines, isStacked, max, timeLabel } = current();
  const tone = tonesOf(element);
  const text = {
    stroke: tone('dimmed'),
    grid: { stroke: tone('line'), width: 1 },
    ticks: { stroke: tone('line'), width: 1 },
    font: `12px ${getComputedStyle(element).fontFamily}`,
  };
  const colorOf = (series: number | undefined) => tone(series === undefined ? 'dimmed' : `series-${series}`);
  return {
    width: element.clientWidth,
    height: HEIGHT,
    scales: { y: { range: (_plot, _min, most) => [0, max ?? Math.max(1, (most ?? 1) * 1.1)] } },
    axes: [
      { ...text, values: (_plot, splits) => splits.map((at) => current().formatTime(at)) },
      { ...text, size: 72, values: (_plot, splits) => splits.map((value) => current().format(value)) },
    ],
    cursor: { sync: { key: SYNC }, drag: { x: false, y: false }, points: { size: 6 } },
    legend: { live: true },
    series: [
      { label: timeLabel, value: (_plot, at) => (at === null ? '–' : current().formatTime(at)) },
      ...lines.map(({ name, series }, line): uPlot.Series => {
        const color = colorOf(series);
        return {
          label: name,
          stroke: color,
          // A wider one is an outline to be filled: without a graphics card a hundred times the work.
          width: 1,
          spanGaps: false,
          points: { size: 4 },
          ...(isStacked === true && line === 0 && { fill: faint(color) }),
          value: (_plot, _value, _series, span) => {
            const shown = current().lines[line];
            const value = span === null ? null : (shown?.own ?? shown?.values)?.[span];
            return value === null || value === undefined ? '–' : current().format(value);
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
    hooks: { draw: [(plot) => drawMarkers(plot, current().markers, tone)] },
  };
}

/** One path of a colour, each of its places once: what many GPUs do together is one line. */
function drawMarkers(plot: uPlot, markers: readonly ChartMarker[], tone: Tone): void {
  const { ctx, bbox } = plot;
  const places = new Map<ChartMarker['tone'], Set<number>>();
  for (const { at, tone: name } of markers) {
    const x = Math.round(plot.valToPos(at, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    places.set(name, (places.get(name) ?? new Set()).add(x));
  }
  ctx.save();
  ctx.setLineDash([4, 4]);
  ctx.lineWidth = 1;
  for (const [name, xs] of places) {
    ctx.strokeStyle = tone(name);
    ctx.beginPath();
    for (const x of xs) {
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
    }
    ctx.stroke();
  }
  ctx.restore();
}

/** A canvas knows neither variables nor `light-dark()`: each colour is asked of the browser once, by an element without content. */
function tonesOf(element: HTMLElement): Tone {
  const known = new Map<string, string>();
  return (name) => {
    let color = known.get(name);
    if (color === undefined) {
      const probe = document.createElement('span');
      probe.style.color = `var(--agw-${name})`;
      element.append(probe);
      color = getComputedStyle(probe).color;
      probe.remove();
      known.set(name, color);
    }
    return color;
  };
}

function faint(color: string): string {
  return color.startsWith('rgb(') ? color.replace('rgb(', 'rgba(').replace(')', ', 0.35)') : color;
}
