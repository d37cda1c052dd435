import { join } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const GATEWAY = 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@contract': join(import.meta.dirname, '../backend/src/contract') } },
  build: {
    outDir: 'dist',
    sourcemap: false,
    // Every browser with ES2024 preloads modules by itself.
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/health': GATEWAY, '/api': GATEWAY, '/v1': GATEWAY, '/openapi.json': GATEWAY } },
});
