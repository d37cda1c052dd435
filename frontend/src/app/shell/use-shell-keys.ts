import { useNavigate } from '@tanstack/react-router';
import { useEffect, useEffectEvent, useRef } from 'react';
import type { Role } from '../../api/session.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { screensFor } from '../screens.ts';

/** How long after `g` the letter of a screen may come. */
const CHORD_MS = 1_500;

export interface ShellKeys {
  role: Role | undefined;
  onPalette: () => void;
  onHelp: () => void;
}

/** ⌘K or Ctrl+K, `?`, `/`, and `g` followed by a screen's letter. */
export function useShellKeys({ role, onPalette, onHelp }: ShellKeys): void {
  const navigate = useNavigate();
  const chordBegan = useRef(Number.NEGATIVE_INFINITY);
  const isChord = () => performance.now() - chordBegan.current < CHORD_MS;
  const screens = role === undefined ? [] : screensFor(role);

  const letters = Object.fromEntries(
    screens.map(({ letter, to }) => [
      letter,
      () => {
        if (!isChord()) {
          // The letter of the GPUs is the one that begins a chord.
          if (letter === 'g') chordBegan.current = performance.now();
          return letter === 'g';
        }
        chordBegan.current = Number.NEGATIVE_INFINITY;
        void navigate({ to });
        return true;
      },
    ]),
  );
  useShortcuts({
    g: () => {
      chordBegan.current = performance.now();
      return true;
    },
    ...letters,
    '?': () => {
      onHelp();
      return true;
    },
    '/': () => {
      const filter = document.querySelector<HTMLElement>('main [data-filter]');
      filter?.focus();
      return filter !== null;
    },
  });

  const open = useEffectEvent(onPalette);
  const isSignedIn = role !== undefined;
  useEffect(() => {
    if (!isSignedIn) return;
    const listener = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.metaKey || event.ctrlKey) || event.altKey) return;
      event.preventDefault();
      open();
    };
    document.addEventListener('keydown', listener);
    return () => document.removeEventListener('keydown', listener);
  }, [isSignedIn]);
}
