import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: ['support/shared-postgres.ts'],
    include: ['**/*.test.ts'],
    pool: 'forks',
    // Most tests start real child processes; two cores are the smallest machine this suite must pass on.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default'],
  },
});
