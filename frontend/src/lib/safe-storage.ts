/** The browser's storage, which it may refuse (private windows, policies): then nothing is kept and nothing breaks. */
export interface SafeStorage {
  get(key: string): string | undefined;
  /** @returns whether it was kept. */
  set(key: string, value: string): boolean;
  remove(key: string): void;
}

export const localStore = safeStorage(() => localStorage);
export const tabStore = safeStorage(() => sessionStorage);

function safeStorage(open: () => Storage): SafeStorage {
  return {
    get: (key) => attempt(() => open().getItem(key)) ?? undefined,
    set: (key, value) => attempt(() => open().setItem(key, value) ?? true) === true,
    remove: (key) => {
      attempt(() => open().removeItem(key));
    },
  };
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
