/** The hub's access token as operators see it: whether there is one and whose it is, never the token. */
import type { CheckedHubToken, HubTokenState, TestedHubToken } from '../contract/model-admin.ts';
import { GatewayError } from '../errors.ts';
import { deleteToken, readToken, saveToken } from '../hub/token.ts';
import { whoami } from '../hub/whoami.ts';

export interface HubTokenOptions {
  /** The environment's, which wins over a stored one. */
  env: string | undefined;
  cacheDir: string;
  endpoint: string;
  /** Keeps a string out of the log from now on. */
  hide(secret: string): void;
  /** Downloads have another token from now on, or none. */
  onChange(): void;
}

export type HubTokenService = ReturnType<typeof createHubToken>;

export function createHubToken({ env, cacheDir, endpoint, hide, onChange }: HubTokenOptions) {
  const source = async () => {
    if ((await readToken({ env, cacheDir })) === undefined) return null;
    return env === undefined ? 'file' : 'environment';
  };
  const describe = async (): Promise<HubTokenState> => {
    const from = await source();
    return { object: 'huggingface.token', present: from !== null, source: from };
  };
  const ask = (token: string, signal: AbortSignal) =>
    whoami({ endpoint, token, signal }).catch((error: unknown) => {
      if (error instanceof GatewayError && error.code === 'hub_unreachable') return null;
      throw error;
    });
  return {
    describe,

    /** Whose `token` is, or the one in use; nothing is stored. */
    async test(token: string | undefined, signal: AbortSignal): Promise<TestedHubToken> {
      const tested = token ?? (await readToken({ env, cacheDir }));
      const state = await describe();
      if (tested === undefined) return { ...state, user: null, valid: null };
      hide(tested);
      const user = await ask(tested, signal);
      return { ...state, user: user ?? null, valid: user === null ? null : user !== undefined };
    },

    /**
     * Stores a token that the hub knows, or that it does not say anything about. A hub that knows no such token refuses
     * even public repositories when it is sent.
     * @throws invalid_value for a token that the hub refuses: the one stored before stays.
     */
    async save(token: string, signal: AbortSignal): Promise<CheckedHubToken> {
      hide(token);
      const user = await ask(token, signal);
      if (user === undefined) {
        throw new GatewayError('invalid_value', {
          message: "Invalid value for 'token': the hub does not accept it. The token stored before, if any, stays.",
          param: 'token',
        });
      }
      await saveToken(cacheDir, token);
      onChange();
      return { ...(await describe()), user, valid: user === null ? null : true };
    },

    /** Removes the stored one; the environment's stays. */
    async remove(): Promise<HubTokenState> {
      await deleteToken(cacheDir);
      onChange();
      return await describe();
    },
  };
}
