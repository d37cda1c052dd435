import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef } from 'react';
import { ApiError, isRefusal } from '../../api/api-error.ts';
import { modelsQuery } from '../../api/models-query.ts';
import { Notice } from '../../components/notice.tsx';

export interface SignInFormProps {
  /** Why the last session ended; undefined before the first. */
  ending: 'signed-out' | ApiError | undefined;
  onSignedIn: (adminKey: string) => void;
}

export function SignInForm({ ending, onSignedIn }: SignInFormProps) {
  const client = useQueryClient();
  const input = useRef<HTMLInputElement>(null);
  const signIn = useMutation({
    networkMode: 'always',
    mutationFn: async (adminKey: string) => {
      requireSendable(adminKey);
      // The list that proves the key is also the first thing to show.
      await client.fetchQuery(modelsQuery(adminKey));
    },
    onSuccess: (_data, adminKey) => onSignedIn(adminKey),
    onError: () => input.current?.select(),
    // A mutation remembers its variables: not the key.
    gcTime: 0,
  });

  useEffect(() => {
    if (ending !== undefined) input.current?.focus();
  }, [ending]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!signIn.isPending) signIn.mutate(input.current?.value.trim() ?? '');
  };

  const failure = signIn.error ?? (ending instanceof ApiError ? ending : undefined);
  return (
    <section className="panel sign-in" aria-labelledby="sign-in-heading">
      <h2 id="sign-in-heading">Sign in</h2>
      <form onSubmit={submit}>
        <label htmlFor="admin-key">Admin key</label>
        <div className="field">
          {/* Without a name a browser that lost the script cannot put the key into a URL. */}
          <input
            ref={input}
            id="admin-key"
            type="password"
            autoComplete="off"
            spellCheck={false}
            required
            aria-describedby="admin-key-hint"
            aria-invalid={isRefusal(failure)}
          />
          <button type="submit" className="button" aria-disabled={signIn.isPending}>
            {signIn.isPending ? 'Signing in…' : 'Sign in'}
          </button>
        </div>
        <p id="admin-key-hint" className="quiet-text">
          It stays in this page's memory; a reload forgets it.
        </p>
        {failure !== undefined && failure !== null && !signIn.isPending && (
          <Notice tone="error" title={titleOf(failure)}>
            <p>{failure.message}</p>
          </Notice>
        )}
        {failure === undefined && ending === 'signed-out' && (
          <p className="quiet-text" role="status">
            Signed out; the key is forgotten.
          </p>
        )}
      </form>
    </section>
  );
}

/** A header cannot carry what is not visible ASCII; fetch would fail with a message about neither. */
function requireSendable(adminKey: string): void {
  if (/^[\x21-\x7e]+$/.test(adminKey)) return;
  throw new ApiError('refused', 'A key consists of letters, digits and signs without spaces or accents.');
}

function titleOf(failure: Error): string {
  if (!isRefusal(failure)) return 'Signing in did not work.';
  return failure.status === 403 ? 'This key is not an admin key.' : 'This key is not accepted.';
}
