/** winston: JSON lines to the console and to a rotating file; secrets are redacted before anything is written. */
import { once } from 'node:events';
import { join } from 'node:path';
import winston from 'winston';

export interface LoggerOptions {
  level: string;
  dir: string;
  fileName: string;
  /** Exact strings that must never appear in a line (keys, tokens). */
  secrets: readonly string[];
  console: boolean;
  /** Told of each line as it is written: its level, the JSON and its `request_id`. */
  onLine?: ((level: string, json: string, requestId: unknown) => void) | undefined;
}

export type LogFields = Record<string, unknown>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose every line carries these fields. */
  child(fields: LogFields): Logger;
}

export interface RootLogger extends Logger {
  /** Keeps one more secret out of every line from now on. */
  hide(secret: string): void;
  close(): Promise<void>;
}

const SECRET_FIELD = /^(authorization|cookie|set-cookie|x-api-key|api_?key|.*(password|secret|token))$/i;
const SECRET_TEXT = /\b(sk|hf|ek|agw)[-_][A-Za-z0-9_-]{8,}|\bwhsec[-_][A-Za-z0-9+/=_-]{8,}|\bBearer\s+[^\s"',]+/g;
/** Where winston keeps the line. */
const MESSAGE = Symbol.for('message');
const LEVELS = ['error', 'warn', 'info', 'debug'];
const REDACTED = '[redacted]';
/** 20 MiB × 5 files: a busy day fits, and a full disk does not come from here. */
const MAX_FILE_BYTES = 20 * 2 ** 20;
const MAX_FILES = 5;

/** Replaces every secret in a value of any shape; errors become their message, stack and cause. */
export function redact(value: unknown, secrets: readonly string[], depth = 0): unknown {
  if (typeof value === 'string') {
    const text = secrets.reduce((current, secret) => current.replaceAll(secret, REDACTED), value);
    return text.replace(SECRET_TEXT, REDACTED);
  }
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth > 6) return '[deep]';
  if (value instanceof Error) {
    const { message, stack, cause } = value;
    return redact({ message, stack, ...(cause === undefined ? {} : { cause }) }, secrets, depth + 1);
  }
  if (Array.isArray(value)) return value.map((item) => redact(item, secrets, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      SECRET_FIELD.test(key) && typeof item === 'string' ? REDACTED : redact(item, secrets, depth + 1),
    ]),
  );
}

export function createLogger(options: LoggerOptions): RootLogger {
  const secrets = [...options.secrets];
  const redacted = winston.format((info) => {
    const { level, ...fields } = info;
    const clean = redact(fields, secrets) as { message: string };
    // The spread keeps winston's own symbols, without which a transport writes nothing.
    return { ...info, ...clean, level };
  });
  const told = winston.format((info) => {
    // The logger hands on what its transports then leave out.
    if (LEVELS.indexOf(info.level) <= LEVELS.indexOf(options.level)) {
      options.onLine?.(info.level, String(info[MESSAGE]), info.request_id);
    }
    return info;
  });
  const file = new winston.transports.File({
    filename: join(options.dir, options.fileName),
    maxsize: MAX_FILE_BYTES,
    maxFiles: MAX_FILES,
    tailable: true,
  });
  const logger = winston.createLogger({
    level: options.level,
    format: winston.format.combine(winston.format.timestamp(), redacted(), winston.format.json(), told()),
    transports: options.console ? [new winston.transports.Console(), file] : [file],
  });
  let closed = false;
  // Connections that are being closed may have a last word after it.
  const log = (entry: winston.LogEntry) => {
    if (!closed) logger.log(entry);
  };
  return {
    ...withFields(log, {}),
    hide: (secret) => {
      if (!secrets.includes(secret)) secrets.push(secret);
    },
    close: async () => {
      closed = true;
      const finished = once(file, 'finish');
      logger.end();
      await finished;
    },
  };
}

function withFields(log: (entry: winston.LogEntry) => void, base: LogFields): Logger {
  const write =
    (level: string) =>
    (message: string, fields: LogFields = {}) => {
      log({ level, ...base, ...fields, message });
    };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => withFields(log, { ...base, ...fields }),
  };
}
