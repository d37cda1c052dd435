/** A process of its own for `node-nvidia-smi`, which has no timeout: the log of all GPUs as JSON, or the reason on stderr. */
import nvidiaSmi from 'node-nvidia-smi';

nvidiaSmi((error, log) => {
  if (error) {
    process.stderr.write(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  } else process.stdout.write(JSON.stringify(log));
});
