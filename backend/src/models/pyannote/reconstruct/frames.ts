/** Where windows and their frames lie in time (pyannote.core's SlidingWindow, starting at 0). */
import { roundHalfEven } from '../round-half-even.ts';

/** All in seconds. */
export interface FrameGrid {
  /** Length of a window, and from the start of one to the next. */
  windowDuration: number;
  windowStep: number;
  /** Receptive field of an output frame of the segmentation model, and from one to the next. */
  frameDuration: number;
  frameStep: number;
}

/** pyannote's segmentation-3.0 at 16 kHz: windows of 10 s every second, frames of 991 samples every 270. */
export const SEGMENTATION_3_0: FrameGrid = {
  windowDuration: 10,
  windowStep: 1,
  frameDuration: 991 / 16_000,
  frameStep: 270 / 16_000,
};

/** The frame of the recording on which a window's first frame falls. */
export function firstFrame(grid: FrameGrid, chunk: number): number {
  return closestFrame(grid, chunk * grid.windowStep + 0.5 * grid.frameDuration);
}

/** Frames that the windows cover together. */
export function frameCount(grid: FrameGrid, chunks: number): number {
  if (chunks === 0) return 0;
  const end = grid.windowDuration + (chunks - 1) * grid.windowStep;
  return closestFrame(grid, end + 0.5 * grid.frameDuration) + 1;
}

/** Seconds at the middle of a frame: where its neighbours' turns meet. */
export function frameMiddle({ frameStep, frameDuration }: FrameGrid, frame: number): number {
  const start = frame * frameStep;
  return 0.5 * (start + (start + frameDuration));
}

function closestFrame({ frameStep, frameDuration }: FrameGrid, seconds: number): number {
  return roundHalfEven((seconds - 0.5 * frameDuration) / frameStep);
}
