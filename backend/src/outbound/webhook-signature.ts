/** Signatures as Standard Webhooks has them (https://www.standardwebhooks.com), which OpenAI's clients verify. */
import { createHmac, randomBytes } from 'node:crypto';

export interface SignedMessage {
  /** The same for all attempts at one message: receivers drop what they have seen. */
  id: string;
  /** When this attempt begins, milliseconds since the epoch; receivers refuse what is 5 minutes off. */
  now: number;
  body: string;
  /** Every active secret, so that a receiver may still have the old one or already the new one. */
  secrets: readonly string[];
}

// A type, not an interface: it must be assignable to a record of headers.
export type SignatureHeaders = {
  'webhook-id': string;
  /** Seconds since the epoch. */
  'webhook-timestamp': string;
  /** One `v1,<base64>` for each secret, separated by spaces. */
  'webhook-signature': string;
};

const PREFIX = 'whsec_';
/** Bounds of the specification, and what we generate, bytes. */
const MIN_BYTES = 24;
const MAX_BYTES = 64;
const GENERATED_BYTES = 32;

export function createWebhookSecret(): string {
  return PREFIX + randomBytes(GENERATED_BYTES).toString('base64');
}

/** The key of the HMAC. @throws Error, without the secret in it. */
export function parseWebhookSecret(secret: string): Buffer {
  const encoded = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : '';
  const key = Buffer.from(encoded, 'base64');
  // Buffer skips what is not base64; a receiver's decoder might not.
  if (key.toString('base64') !== encoded || key.length < MIN_BYTES || key.length > MAX_BYTES) {
    throw new Error(`a webhook secret is "${PREFIX}" and ${MIN_BYTES} to ${MAX_BYTES} bytes in base64`);
  }
  return key;
}

/** @throws Error when there is no secret, or one is malformed. */
export function signWebhook({ id, now, body, secrets }: SignedMessage): SignatureHeaders {
  if (secrets.length === 0) throw new Error('a webhook needs a secret to be signed with');
  const timestamp = String(Math.floor(now / 1000));
  const signatures = secrets.map((secret) => {
    const hmac = createHmac('sha256', parseWebhookSecret(secret)).update(`${id}.${timestamp}.${body}`);
    return `v1,${hmac.digest('base64')}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
