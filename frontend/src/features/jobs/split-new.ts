/** Rows that came to the top of a list since the reader looked: they wait until asked for. */
export interface Placed {
  id: string;
  /** Unix seconds. */
  created_at: number;
}

/** @param seen the row that was first when the reader looked; undefined: the list was empty, all is shown. */
export function splitNew<Row extends Placed>(rows: readonly Row[], seen: Placed | undefined) {
  if (seen === undefined) return { fresh: 0, shown: rows };
  const at = rows.findIndex(({ id }) => id === seen.id);
  // It may be gone: what is not younger was there.
  const first = at >= 0 ? at : rows.findIndex(({ created_at }) => created_at <= seen.created_at);
  const fresh = first >= 0 ? first : rows.length;
  return { fresh, shown: rows.slice(fresh) };
}
