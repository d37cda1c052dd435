import '../lib/configure-zod.ts';

import './styles.ts';
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode, startTransition } from 'react';
import { createRoot } from 'react-dom/client';
import { styleNonce } from '../lib/csp-nonce.ts';
import { bindSession } from './bind-session.ts';
import { loadFirstScreen } from './load-first-screen.ts';
import { reloadOnceOnMissingChunk } from './reload-once.ts';
import { router } from './router.tsx';
import { cssVariablesResolver, theme } from './theme.ts';

const container = document.getElementById('root');
if (container === null) throw new Error('index.html has no #root');

reloadOnceOnMissingChunk();

// A gateway on loopback answers while the browser thinks it is offline, and polling is its own retry.
const client = new QueryClient({
  defaultOptions: { queries: { networkMode: 'always', retry: false }, mutations: { networkMode: 'always' } },
});
bindSession(client);

const root = createRoot(container);
const draw = () =>
  root.render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <MantineProvider
          theme={theme}
          cssVariablesResolver={cssVariablesResolver}
          defaultColorScheme="auto"
          colorSchemeManager={localStorageColorSchemeManager({ key: 'agw.scheme' })}
          getStyleNonce={() => styleNonce}
        >
          <RouterProvider router={router} />
        </MantineProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
// As a transition it is drawn in slices, between which the browser answers.
void loadFirstScreen().then(() => startTransition(draw));
