/** A long list: only the rows in view are on the page. Columns on wide screens, a card per row on narrow ones. */
import { VisuallyHidden } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, type ReactNode, useEffect, useEffectEvent, useRef } from 'react';
import { useShortcuts } from '../lib/shortcuts.ts';
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
  columns: readonly Column<Row>[];
  rowKey: (row: Row) => string | number;
  /** The last rows are in view: there may be more to fetch. */
  onEnd?: (() => void) | undefined;
}

const ROW_PX = 45;
const OVERSCAN = 12;
/** J and K go from one of these to the next. */
const ROW_LINK = '[data-row-link]';

export function VirtualTable<Row>({ label, rows, columns, rowKey, onEnd }: VirtualTableProps<Row>) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
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
  const template = columns.map(({ width }) => width).join(' ');
  return (
    // biome-ignore lint/a11y/useSemanticElements: rows that are placed by their offset cannot be those of a <table>
    <div
      ref={scroller}
      className={classes.table}
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
      tabIndex={0}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: see above */}
      <div role="rowgroup" className={classes.head}>
        {/* biome-ignore lint/a11y/useSemanticElements: see above */}
        {/* biome-ignore lint/a11y/useFocusableInteractive: rows hold what takes the focus */}
        <div role="row" aria-rowindex={1} className={classes.row} style={{ gridTemplateColumns: template }}>
          {columns.map(({ id, header, isHeaderHidden }) => (
            // biome-ignore lint/a11y/useSemanticElements: see above
            // biome-ignore lint/a11y/useFocusableInteractive: a header is no control
            <div role="columnheader" key={id} className={classes.cell}>
              {isHeaderHidden === true ? <VisuallyHidden>{header}</VisuallyHidden> : header}
            </div>
          ))}
        </div>
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: see above */}
      <div role="rowgroup" className={classes.body} style={{ height: virtual.getTotalSize() }}>
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
    </div>
  );
}

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
    // biome-ignore lint/a11y/useSemanticElements: see above
    // biome-ignore lint/a11y/useFocusableInteractive: rows hold what takes the focus
    <div
      role="row"
      aria-rowindex={index + 2}
      data-index={index}
      ref={measure}
      className={classes.row}
      style={{ gridTemplateColumns: template, transform: `translateY(${start}px)` }}
    >
      {columns.map(({ id, header, cell, isPlain }) => (
        // biome-ignore lint/a11y/useSemanticElements: see above
        <div role="cell" key={id} className={classes.cell} data-label={isPlain === true ? undefined : header}>
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
