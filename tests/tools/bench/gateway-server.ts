/**
 * The gateway with the echo model beside its own, in a process of its own, for benchmarks. Configured by its
 * environment; `{url}` tells the parent where it listens. Asked `watch`, it watches its event loop until asked `tell`.
 */
import { type ELDHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { startApp } from '../../../backend/src/app.ts';
import { loadConfig } from '../../../backend/src/config.ts';
import { FAKE_MODEL_LIST } from '../../support/fake-models/index.ts';

/** Milliseconds between two samples. */
const RESOLUTION_MS = 5;

export interface LoopDelay {
  /** Milliseconds a timer came late. */
  p50: number;
  p99: number;
  max: number;
  samples: number;
}

const app = await startApp({ config: loadConfig(process.env), modelListUrl: FAKE_MODEL_LIST, console: false });
process.send?.({ url: app.url });
const stop = () => void app.close().then(() => process.exit(0));
process.on('disconnect', stop);
process.on('SIGTERM', stop);

let histogram: ELDHistogram | undefined;
process.on('message', (message) => {
  if (message === 'watch') {
    histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    histogram.enable();
  } else if (message === 'tell' && histogram !== undefined) {
    histogram.disable();
    process.send?.(describe(histogram));
  }
});

/** The histogram holds the time from one sample to the next, in nanoseconds: what exceeds the interval is delay. */
function describe(found: ELDHistogram): LoopDelay {
  const delay = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  return {
    p50: delay(found.percentile(50)),
    p99: delay(found.percentile(99)),
    max: delay(found.max),
    samples: found.count,
  };
}
