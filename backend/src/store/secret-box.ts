/**
 * Encrypts what the database keeps and must give back, with a key that lies outside of it: a copy of the database alone
 * opens nothing. AES-256-GCM.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface SecretBox {
  /** `context` says whose secret it is: what was sealed for one place cannot be opened in another. */
  seal(text: string, context: string): string;
  /** undefined for what another key has sealed. @throws Error when it was changed, or belongs to another context. */
  open(sealed: string, context: string): string | undefined;
}

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
/** NIST SP 800-38D, 8.2: 96 random bits are good for far more secrets than there will be. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 'v1';

/** Makes the key, mode 0600, when there is none. Gateways that share a database need the same one. @throws with a sentence for the operator. */
export async function openSecretBox(path: string): Promise<SecretBox> {
  return createSecretBox((await readKey(path)) ?? (await makeKey(path)));
}

export function createSecretBox(key: Buffer): SecretBox {
  const keyId = createHash('sha256').update(key).digest('hex').slice(0, 16);
  return {
    seal(text, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(context));
      const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `${VERSION}.${keyId}.${sealed.toString('base64url')}`;
    },
    open(text, context) {
      const [version, sealedBy, encoded = ''] = text.split('.');
      if (version !== VERSION || sealedBy !== keyId) return undefined;
      const sealed = Buffer.from(encoded, 'base64url');
      const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
        .setAAD(Buffer.from(context))
        .setAuthTag(sealed.subarray(-TAG_BYTES));
      const opened = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
      return Buffer.concat([opened, decipher.final()]).toString();
    },
  };
}

async function readKey(path: string): Promise<Buffer | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== KEY_BYTES || key.toString('base64') !== text.trim()) {
    throw new Error(`${path} is not a key: it must hold ${KEY_BYTES} bytes in base64`);
  }
  return key;
}

/** Of two gateways that start at once, one's key is taken by both. */
async function makeKey(path: string): Promise<Buffer> {
  const key = randomBytes(KEY_BYTES);
  const temporary = `${path}.${randomUUID()}`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(temporary, `${key.toString('base64')}\n`, { mode: 0o600, flag: 'wx', flush: true });
  try {
    await link(temporary, path);
    return key;
  } catch (error) {
    const known = (error as NodeJS.ErrnoException).code === 'EEXIST' ? await readKey(path) : undefined;
    if (known === undefined) throw error;
    return known;
  } finally {
    await rm(temporary, { force: true });
  }
}
