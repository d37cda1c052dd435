/** How many speakers talk at once, frame by frame (pyannote's `speaker_count` without warm-up). */
import { roundHalfEven } from '../round-half-even.ts';
import type { Segmentations } from '../segmentations.ts';
import { type FrameGrid, firstFrame, frameCount } from './frames.ts';

/** The mean over the covering windows of their numbers of active speakers, rounded (halves to even); [frames]. */
export function countSpeakers({ data, chunks, frames, speakers }: Segmentations, grid: FrameGrid): Uint8Array {
  const total = frameCount(grid, chunks);
  const active = new Uint32Array(total);
  const windows = coveringWindows({ chunks, frames }, grid);
  let at = 0;
  for (let chunk = 0; chunk < chunks; chunk++) {
    const first = firstFrame(grid, chunk);
    for (let frame = first; frame < first + frames; frame++) {
      for (let speaker = 0; speaker < speakers; speaker++) {
        if ((data[at++] as number) > 0.5 && frame < total) active[frame] = (active[frame] as number) + 1;
      }
    }
  }
  return Uint8Array.from(active, (count, frame) => {
    const covered = windows[frame] as number;
    return covered === 0 ? 0 : roundHalfEven(count / covered);
  });
}

/** Number of windows that cover each frame. */
export function coveringWindows(
  { chunks, frames }: Pick<Segmentations, 'chunks' | 'frames'>,
  grid: FrameGrid,
): Uint16Array {
  const windows = new Uint16Array(frameCount(grid, chunks));
  for (let chunk = 0; chunk < chunks; chunk++) {
    const first = firstFrame(grid, chunk);
    const end = Math.min(first + frames, windows.length);
    for (let frame = first; frame < end; frame++) windows[frame] = (windows[frame] as number) + 1;
  }
  return windows;
}
