/** What plays sound, as the page sees it: one recording, or several stems in step. Times in seconds. */
import { useEffect, useEffectEvent, useSyncExternalStore } from 'react';

export interface Player {
  readonly time: number;
  /** 0 while it is not known. */
  readonly duration: number;
  readonly paused: boolean;
  /** It wants to play and has to wait for data. */
  readonly waiting: boolean;
  /** Why it cannot play. */
  readonly failure: unknown;
  play(): void;
  pause(): void;
  seek(time: number): void;
  /** Told of every change but the passing of time. @returns what ends that. */
  subscribe(listener: () => void): () => void;
}

export function togglePlay(player: Player): void {
  if (player.paused) player.play();
  else player.pause();
}

export function seekBy(player: Player, seconds: number): void {
  player.seek(Math.min(Math.max(0, player.time + seconds), player.duration));
}

export function usePaused(player: Player): boolean {
  return useSyncExternalStore(player.subscribe, () => player.paused);
}

export function useWaiting(player: Player): boolean {
  return useSyncExternalStore(player.subscribe, () => player.waiting);
}

export function useFailure(player: Player): unknown {
  return useSyncExternalStore(player.subscribe, () => player.failure);
}

/** Calls back with the time at every frame while it plays, and at every change: for what moves outside of React. */
export function useTick(player: Player, onTick: (time: number) => void): void {
  const tick = useEffectEvent(onTick);
  useEffect(() => {
    let frame = 0;
    const onFrame = () => {
      tick(player.time);
      frame = player.paused ? 0 : requestAnimationFrame(onFrame);
    };
    const onChange = () => {
      cancelAnimationFrame(frame);
      onFrame();
    };
    const stop = player.subscribe(onChange);
    onChange();
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, [player]);
}
