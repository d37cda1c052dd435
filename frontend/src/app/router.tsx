/** Every screen: its path, what its URL may hold, and where its code is (loaded when somebody goes there). */
import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router';
import { LoadingSkeleton } from '../components/loading-skeleton.tsx';
import { auditSearch } from '../features/audit/audit-search.ts';
import { docsSearch } from '../features/docs/docs-search.ts';
import { evaluateSearch } from '../features/evaluate/evaluate-search.ts';
import { gpusSearch } from '../features/gpus/gpus-search.ts';
import { jobsSearch } from '../features/jobs/jobs-search.ts';
import { keysSearch } from '../features/keys/keys-search.ts';
import { logsSearch } from '../features/logs/logs-search.ts';
import { modelsSearch } from '../features/models/models-search.ts';
import { playgroundSearch } from '../features/playground/playground-search.ts';
import { webhooksSearch } from '../features/webhooks/webhooks-search.ts';
import { noteNavigation } from '../lib/focus-on-navigation.ts';
import { lazyScreen } from './lazy-page.tsx';
import { NotFoundPage } from './not-found-page.tsx';
import { RouteError } from './route-error.tsx';
import { parseSearch, stringifySearch } from './search-params.ts';
import { Shell } from './shell/shell.tsx';

const root = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage });
const getParentRoute = () => root;

const tree = root.addChildren([
  createRoute({
    getParentRoute,
    path: '/',
    component: lazyScreen(() => import('../features/overview/overview-page.tsx'), 'OverviewPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/models',
    validateSearch: modelsSearch,
    component: lazyScreen(() => import('../features/models/models-page.tsx'), 'ModelsPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/models/add',
    component: lazyScreen(() => import('../features/models/add-model-page.tsx'), 'AddModelPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/models/$id',
    component: lazyScreen(() => import('../features/models/model-page.tsx'), 'ModelPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/gpus',
    validateSearch: gpusSearch,
    component: lazyScreen(() => import('../features/gpus/gpus-page.tsx'), 'GpusPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/jobs',
    validateSearch: jobsSearch,
    component: lazyScreen(() => import('../features/jobs/jobs-page.tsx'), 'JobsPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/jobs/$id',
    component: lazyScreen(() => import('../features/jobs/job-page.tsx'), 'JobPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/playground',
    validateSearch: playgroundSearch,
    component: lazyScreen(() => import('../features/playground/playground-page.tsx'), 'PlaygroundPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/evaluate',
    validateSearch: evaluateSearch,
    component: lazyScreen(() => import('../features/evaluate/evaluate-page.tsx'), 'EvaluatePage'),
  }),
  createRoute({
    getParentRoute,
    path: '/keys',
    validateSearch: keysSearch,
    component: lazyScreen(() => import('../features/keys/keys-page.tsx'), 'KeysPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/webhooks',
    validateSearch: webhooksSearch,
    component: lazyScreen(() => import('../features/webhooks/webhooks-page.tsx'), 'WebhooksPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/webhooks/$id',
    component: lazyScreen(() => import('../features/webhooks/webhook-page.tsx'), 'WebhookPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/logs',
    validateSearch: logsSearch,
    component: lazyScreen(() => import('../features/logs/logs-page.tsx'), 'LogsPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/audit',
    validateSearch: auditSearch,
    component: lazyScreen(() => import('../features/audit/audit-page.tsx'), 'AuditPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/settings',
    component: lazyScreen(() => import('../features/settings/settings-page.tsx'), 'SettingsPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/docs',
    validateSearch: docsSearch,
    component: lazyScreen(() => import('../features/docs/docs-page.tsx'), 'DocsPage'),
  }),
]);

export const router = createRouter({
  routeTree: tree,
  parseSearch,
  stringifySearch,
  defaultPreload: 'intent',
  defaultPendingMs: 0,
  defaultPendingMinMs: 0,
  defaultPendingComponent: LoadingSkeleton,
  defaultErrorComponent: RouteError,
  scrollRestoration: true,
});

router.subscribe('onBeforeNavigate', ({ fromLocation, pathChanged }) => {
  if (fromLocation !== undefined && pathChanged) noteNavigation();
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
