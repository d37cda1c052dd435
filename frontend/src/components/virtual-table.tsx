/** A long list: only the rows in view are on the page. Columns on wide screens, a card per row on narrow ones. */
import { VisuallyHidden } from '@mantine/core';
import { measureElement, useVirtualizer } from '@tanstack/react-virtual';
import { memo, type ReactNode, useEffect, useEffectEvent, useMemo, useRef } from 'react';
import { useShortcuts } from '../lib/shortcuts.ts';
import { ScrollRegion } from './scroll-region.tsx';
import classes from './virtual-table.module.css';

export interface Column<Row> {
  id: string;
  header: string;
  /** Of a CSS grid: `minmax(0, 2fr)`, `40px`. */
  width: string;
  cell: (row: Row) => ReactNode;
  /** For a column of controls: the header is for those who do not see them. */
  isHeaderHidden?: boolean;
  /** On narrow screens the header stands before the value, unless that speaks for itself. */
  isPlain?: boolean;
}

export interface VirtualTableProps<Row> {
  label: string;
  rows: readonly Row[];
  /** The same array as long as the cells show the same: another one draws every row again. */
  columns: readonly Column<Row>[];
  rowKey: (row: Row) => string | number;
  /** The last rows are in view: there may be more to fetch. */
  onEnd?: (() => void) | undefined;
}

/** Of the first rows; those that follow count as high as the ones that were measured. */
const ROW_PX = 49;
const OVERSCAN = 4;
/** J and K go from one of these to the next. */
const ROW_LINK = '[data-row-link]';
/** Rows that are placed by their offset cannot be those of a <table>: they are called so. */
const ROLE = { table: 'table', part: 'rowgroup', header: 'columnheader', cell: 'cell' } as const;
/** @param place among all rows, the header's is 1 */
const rowAt = (place: number) => ({ role: 'row', 'aria-rowindex': place });

export function VirtualTable<Row>({ label, rows, columns, rowKey, onEnd }: VirtualTableProps<Row>) {
  const scroller = useRef<HTMLDivElement>(null);
  const measured = useRef({ rows: 0, pixels: 0 });
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    // A wrong guess moves every row behind: the page would be laid out twice for each that comes into view.
    estimateSize: () => (measured.current.rows === 0 ? ROW_PX : measured.current.pixels / measured.current.rows),
    measureElement: (element, entry, instance) => {
      const pixels = measureElement(element, entry, instance);
      measured.current.rows += 1;
      measured.current.pixels += pixels;
      return pixels;
    },
    overscan: OVERSCAN,
    getItemKey: (index) => {
      const row = rows[index];
      return row === undefined ? index : rowKey(row);
    },
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? -1;
  const end = useEffectEvent(() => onEnd?.());
  useEffect(() => {
    if (last >= 0 && last >= rows.length - 1) end();
  }, [last, rows.length]);
  const move = (step: number) => () => moveFocus(scroller.current, step);
  useShortcuts({ j: move(1), k: move(-1) });
  const template = useMemo(() => columns.map(({ width }) => width).join(' '), [columns]);
  return (
    <ScrollRegion
      as="div"
      ref={scroller}
      className={classes.table}
      role={ROLE.table}
      label={label}
      aria-rowcount={rows.length + 1}
    >
      <TableHead columns={columns} template={template} />
      <div role={ROLE.part} className={classes.body} style={{ height: virtual.getTotalSize() }}>
        {items.map(({ index, key, start }) => {
          const row = rows[index];
          if (row === undefined) return null;
          return (
            <TableRow
              key={key}
              row={row}
              index={index}
              start={start}
              columns={columns}
              template={template}
              measure={virtual.measureElement}
            />
          );
        })}
      </div>
    </ScrollRegion>
  );
}

interface TableHeadProps<Row> {
  columns: readonly Column<Row>[];
  template: string;
}

const TableHead = memo(function TableHead<Row>({ columns, template }: TableHeadProps<Row>) {
  return (
    <div role={ROLE.part} className={classes.head}>
      <div {...rowAt(1)} className={classes.row} style={{ gridTemplateColumns: template }}>
        {columns.map(({ id, header, isHeaderHidden }) => (
          <div role={ROLE.header} key={id} className={classes.cell}>
            {isHeaderHidden === true ? <VisuallyHidden>{header}</VisuallyHidden> : header}
          </div>
        ))}
      </div>
    </div>
  );
}) as <Row>(props: TableHeadProps<Row>) => ReactNode;

interface TableRowProps<Row> {
  row: Row;
  index: number;
  /** Pixels from the top of the list. */
  start: number;
  columns: readonly Column<Row>[];
  template: string;
  measure: (element: HTMLElement | null) => void;
}

/** Scrolling draws the rows that come into view; those that are there stay as they are. */
const TableRow = memo(function TableRow<Row>(props: TableRowProps<Row>) {
  const { row, index, start, columns, template, measure } = props;
  return (
    <div
      {...rowAt(index + 2)}
      data-index={index}
      ref={measure}
      className={classes.row}
      style={{ gridTemplateColumns: template, transform: `translateY(${start}px)` }}
    >
      {columns.map(({ id, header, cell, isPlain }) => (
        <div role={ROLE.cell} key={id} className={classes.cell} data-label={isPlain === true ? undefined : header}>
          {cell(row)}
        </div>
      ))}
    </div>
  );
}) as <Row>(props: TableRowProps<Row>) => ReactNode;

/** @returns false when there is no row to go to. */
function moveFocus(table: HTMLElement | null, step: number): boolean {
  const links = [...(table?.querySelectorAll<HTMLElement>(ROW_LINK) ?? [])];
  const row = (document.activeElement?.closest('[role="row"]') ?? null) as HTMLElement | null;
  const present = row?.querySelector<HTMLElement>(ROW_LINK);
  const next = links[present == null ? 0 : links.indexOf(present) + step];
  next?.focus();
  return next !== undefined;
}
