import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { ApiError } from '../api/api-error.ts';
import { MODELS_KEY } from '../api/models-query.ts';
import { HealthPanel } from '../features/health/health-panel.tsx';
import { Version } from '../features/health/version.tsx';
import { ModelsPanel } from '../features/models/models-panel.tsx';
import { SignInForm } from '../features/sign-in/sign-in-form.tsx';
import logo from './favicon.svg';

/** The admin key lives in this component's state and nowhere else: a reload forgets it. */
export function App() {
  const client = useQueryClient();
  const [adminKey, setAdminKey] = useState<string>();
  /** Why the last session ended. */
  const [ending, setEnding] = useState<'signed-out' | ApiError>();

  const endSession = (reason: 'signed-out' | ApiError) => {
    setAdminKey(undefined);
    setEnding(reason);
    client.removeQueries({ queryKey: MODELS_KEY });
  };

  return (
    <>
      <header className="page-header">
        <img src={logo} alt="" width="32" height="32" />
        <div className="title">
          <h1>Audio Gateway</h1>
          <Version />
        </div>
        {adminKey !== undefined && (
          <button type="button" className="button quiet" onClick={() => endSession('signed-out')}>
            Sign out
          </button>
        )}
      </header>
      <main>
        <HealthPanel />
        {adminKey === undefined ? (
          <SignInForm ending={ending} onSignedIn={setAdminKey} />
        ) : (
          <ModelsPanel adminKey={adminKey} onRefused={endSession} />
        )}
      </main>
    </>
  );
}
