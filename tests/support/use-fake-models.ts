/** `node --import` this, and the gateway's own main.ts starts with the fake model list: all else is as in production. */
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, nextResolve) {
    const isAppsList = specifier.endsWith('/load-model-list.ts') && context.parentURL?.endsWith('/src/app.ts');
    if (!isAppsList) return nextResolve(specifier, context);
    return { url: new URL('./fake-model-list.ts', import.meta.url).href, shortCircuit: true };
  },
});
