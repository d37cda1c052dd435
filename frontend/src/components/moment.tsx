import { useFormat } from '../lib/i18n/use-format.ts';

/** How long ago, with the exact time beside it for whoever asks. @param at Unix seconds */
export function Moment({ at }: { at: number }) {
  const { relative, dateTime } = useFormat();
  return (
    <time dateTime={new Date(at * 1000).toISOString()} title={dateTime(at)}>
      {relative(at)}
    </time>
  );
}
