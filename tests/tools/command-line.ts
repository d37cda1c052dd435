import { type ParseArgsConfig, parseArgs } from 'node:util';

/** What the caller typed or gave is at fault: printed without a stack, exit status 2. */
export class UsageError extends Error {}

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<T extends Options> = ReturnType<typeof parseArgs<{ options: T; strict: true }>>['values'];

/** Options of the command line; `--help` prints `usage` and ends. @throws UsageError for anything it does not know. */
export function parseCommandLine<const T extends Options>(
  args: readonly string[],
  options: T,
  usage: string,
): Values<T> {
  if (args.includes('--help')) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parseArgs({ args: [...args], options, strict: true }).values as Values<T>;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

/** A number option within bounds, or its default. @throws UsageError naming the option. */
export function numberOption(
  name: string,
  text: string | undefined,
  { min, fallback, integer = false }: { min: number; fallback: number; integer?: boolean },
): number {
  if (text === undefined) return fallback;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value) || value < min || (integer && !Number.isInteger(value))) {
    throw new UsageError(
      `--${name} must be ${integer ? 'a whole number' : 'a number'} of at least ${min}, not '${text}'`,
    );
  }
  return value;
}

/** Runs a tool: its result is the exit status (0 or 1); a UsageError prints its message and exits with 2. */
export async function runTool(main: (args: string[]) => Promise<boolean>): Promise<void> {
  try {
    process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
  } catch (error) {
    console.error(error instanceof UsageError ? error.message : error);
    process.exitCode = 2;
  }
}
