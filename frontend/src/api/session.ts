/**
 * Who uses the page. The key lives in this module's memory, and in sessionStorage if the reader asks for that and the
 * browser allows it; never in a URL, nor in what is sent to other tabs.
 */
import '../lib/configure-zod.ts';

import { useSyncExternalStore } from 'react';
import { z } from 'zod';
import { listeners } from '../lib/listeners.ts';
import { tabStore } from '../lib/safe-storage.ts';
import type { ApiError } from './api-error.ts';

export type Role = 'admin' | 'user';

/** `generation` grows with every other key: what one key saw is not shown to the next. */
export type Session =
  | { state: 'signed-out'; hasSignedOut: boolean }
  | { state: 'signed-in'; key: string; role: Role; generation: number; storageRefused: boolean }
  /** The key is not accepted any more: the page stays as it was, under the sign-in dialog. */
  | { state: 'expired'; key: string; role: Role; generation: number; error: ApiError };

export interface SignIn {
  key: string;
  role: Role;
  keepIn: 'memory' | 'tab';
}

const STORAGE_KEY = 'agw.session';

/** Whatever a tab's storage holds that is not this is as good as nothing. */
const keptSession = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue('not JSON');
      return z.NEVER;
    }
  })
  .pipe(z.object({ key: z.string().min(1), role: z.enum(['admin', 'user']) }));

let session: Session = restored();
let lastGeneration = 0;
const changed = listeners();

export function getSession(): Session {
  return session;
}

export function useSession(): Session {
  return useSyncExternalStore(changed.subscribe, getSession);
}

/** What the key in use opens; a page without one shows nothing that is for operators. */
export function useRole(): Role {
  const session = useSession();
  return session.state === 'signed-out' ? 'user' : session.role;
}

export const subscribeSession = changed.subscribe;

export function currentKey(): string | undefined {
  return session.state === 'signed-out' ? undefined : session.key;
}

export function signIn({ key, role, keepIn }: SignIn): void {
  const kept = keepIn === 'tab' && tabStore.set(STORAGE_KEY, JSON.stringify({ key, role }));
  if (!kept) tabStore.remove(STORAGE_KEY);
  if (currentKey() !== key) lastGeneration += 1;
  become({ state: 'signed-in', key, role, generation: lastGeneration, storageRefused: keepIn === 'tab' && !kept });
}

export function signOut(): void {
  tabStore.remove(STORAGE_KEY);
  become({ state: 'signed-out', hasSignedOut: true });
}

/** @param key the one that was refused; another may be in use since. */
export function expireSession(key: string, error: ApiError): void {
  if (session.state !== 'signed-in' || session.key !== key) return;
  tabStore.remove(STORAGE_KEY);
  become({ state: 'expired', key, role: session.role, generation: session.generation, error });
}

function become(next: Session): void {
  session = next;
  changed.tell();
}

function restored(): Session {
  const kept = keptSession.safeParse(tabStore.get(STORAGE_KEY));
  return kept.success
    ? { state: 'signed-in', ...kept.data, generation: 0, storageRefused: false }
    : { state: 'signed-out', hasSignedOut: false };
}
