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
    // A wait ends as soon as what it waits for is there; a slow machine is no failure.
    expect: { poll: { timeout: 30_000 } },
    reporters: ['default'],
  },
});
