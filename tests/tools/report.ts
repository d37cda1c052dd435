/** How every tool under `tests/tools` tells its result: a table for people, a last line for programs. */

export interface BenchReport {
  name: string;
  /** Whether every figure with a limit kept it. */
  pass: boolean;
  figures: Record<string, number | string>;
  /** Rows of cells, the header first. */
  table: string[][];
}

/**
 * Prints the table, the figures and the verdict to stdout. With `json`, one more line follows, always the last:
 * `{"name":…,"pass":…,"figures":{…}}`.
 */
export function printReport(report: BenchReport, { json }: { json: boolean }): void {
  const figures = Object.entries(report.figures).map(([name, value]) => [name, String(value)]);
  const blocks = [formatTable(report.table), formatTable(figures), `${report.name}: ${report.pass ? 'pass' : 'FAIL'}`];
  console.log(blocks.filter(Boolean).join('\n\n'));
  if (json) console.log(JSON.stringify({ name: report.name, pass: report.pass, figures: report.figures }));
}

/** Columns padded to their widest cell; numbers stand to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const pad = (cell: string, i: number) =>
    /^-?[\d.]+ ?%?$/.test(cell) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0);
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}
