import './configure-zod.ts';

import './page.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';

const container = document.getElementById('root');
if (container === null) throw new Error('index.html has no #root');

// A gateway on loopback answers while the browser thinks it is offline, and polling is its own retry.
const client = new QueryClient({ defaultOptions: { queries: { networkMode: 'always', retry: false } } });

createRoot(container).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
