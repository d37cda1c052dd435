import { join } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { compression, defineAlgorithm } from 'vite-plugin-compression2';
import { firstPaint } from './first-paint.ts';

const GATEWAY = 'http://127.0.0.1:8000';

/** What a screen says, in one language. */
const TEXTS = /\/messages\.(\w+)\.ts$/;
const textsOf = (id: string) => `texts-${TEXTS.exec(id)?.[1]}`;

export default defineConfig({
  plugins: [
    react(),
    firstPaint(),
    compression({
      include: /\/assets\/.*\.(js|css|svg)$|^assets\/.*\.(js|css|svg)$/,
      algorithms: ['brotliCompress', defineAlgorithm('gzip', { level: 9 })],
      threshold: 1024,
      logLevel: 'silent',
    }),
  ],
  resolve: { alias: { '@contract': join(import.meta.dirname, '../backend/src/contract') } },
  build: {
    outDir: 'dist',
    sourcemap: false,
    // All know `light-dark()`; written out for older ones it would not follow the scheme that the reader chose.
    target: ['chrome123', 'firefox121', 'safari17.5'],
    // Every browser with ES2024 preloads modules by itself.
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // On a phone each file costs more by its way than by its size.
        codeSplitting: {
          groups: [
            { name: 'vendor', tags: ['$initial'], test: /node_modules/, priority: 2 },
            { name: 'shell', tags: ['$initial'], priority: 1 },
            { name: textsOf, test: TEXTS },
            // What fewer screens share comes with those alone.
            { name: 'common', minShareCount: 12 },
          ],
        },
      },
    },
  },
  server: { proxy: { '/health': GATEWAY, '/api': GATEWAY, '/v1': GATEWAY, '/openapi.json': GATEWAY } },
});
