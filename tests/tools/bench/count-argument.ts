import { UsageError } from '../command-line.ts';

/** The one argument of a benchmark: a whole number of at least 1, or its default. */
export function countArgument(args: readonly string[], what: string, fallback: number): number {
  const [text, ...more] = args;
  if (more.length > 0 || (text !== undefined && !/^[1-9]\d*$/.test(text))) {
    throw new UsageError(`the only argument is ${what}, a whole number of at least 1; not '${args.join(' ')}'`);
  }
  return text === undefined ? fallback : Number(text);
}
