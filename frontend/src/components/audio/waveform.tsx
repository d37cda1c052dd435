import type { WaveformPeaks } from '@contract/peaks.ts';
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useEffectEvent, useRef } from 'react';
import WaveSurfer from 'wavesurfer.js';
import RegionsPlugin from 'wavesurfer.js/plugins/regions';
import { styleNonce } from '../../lib/csp-nonce.ts';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { type Player, seekBy, useTick } from '../../lib/player.ts';
import { messages } from './messages.ts';
import classes from './waveform.module.css';

export interface WaveformRegion {
  start: number;
  end: number;
  /** Shown where there is room. */
  letter: string;
  /** 1 … 8 of the theme's series. */
  series: number;
}

export interface WaveformProps {
  peaks: WaveformPeaks;
  player: Player;
  regions?: readonly WaveformRegion[];
  height?: number;
  /** What it is of. */
  label: string;
}

const NO_REGIONS: readonly WaveformRegion[] = [];
/** Seconds of one arrow key, and of a page key. */
const STEP = 5;
const PAGE = 30;
/** Shares of the whole that a letter needs around it. */
const ROOM_FOR_LETTER = 0.02;

/** The outline of a recording, and where in it the player is: click or arrow keys go elsewhere. */
export function Waveform({ peaks, player, regions = NO_REGIONS, height = 72, label }: WaveformProps) {
  const t = useT(messages);
  const { clock } = useFormat();
  const container = useRef<HTMLDivElement>(null);
  const surfer = useRef<WaveSurfer>(null);
  const scheme = useComputedColorScheme();
  const seek = useEffectEvent((share: number) => player.seek(share * peaks.duration));

  // biome-ignore lint/correctness/useExhaustiveDependencies: the scheme's colours are drawn
  useEffect(() => {
    if (container.current === null) return;
    // A canvas knows neither variables nor `light-dark()`: the element's own colours are resolved.
    const { color, caretColor } = getComputedStyle(container.current);
    const overlay = RegionsPlugin.create();
    const made = WaveSurfer.create({
      container: container.current,
      cspNonce: styleNonce,
      height,
      peaks: channelsOf(peaks),
      duration: peaks.duration,
      // Silent: it draws, the player plays.
      waveColor: color,
      progressColor: caretColor,
      cursorColor: caretColor,
      cursorWidth: 2,
      barWidth: 2,
      barGap: 1,
      barRadius: 1,
      normalize: true,
      interact: true,
      plugins: [overlay],
    });
    made.on('click', (share) => seek(share));
    made.on('ready', () => {
      for (const { start, end, letter, series } of regions) {
        overlay.addRegion({
          start,
          end,
          drag: false,
          resize: false,
          color: `color-mix(in srgb, var(--agw-series-${series}) 28%, transparent)`,
          ...(end - start > peaks.duration * ROOM_FOR_LETTER && { content: letterMark(letter) }),
        });
      }
      made.setTime(player.time);
    });
    surfer.current = made;
    return () => {
      surfer.current = null;
      made.destroy();
    };
  }, [peaks, regions, height, player, scheme]);

  useTick(player, (time) => {
    surfer.current?.setTime(time);
    const slider = container.current;
    if (slider === null) return;
    const whole = String(Math.floor(time));
    if (slider.ariaValueNow === whole) return;
    slider.ariaValueNow = whole;
    slider.ariaValueText = t('place', { time: clock(time), total: clock(peaks.duration) });
  });

  return (
    <div
      ref={container}
      className={classes.waveform}
      style={{ minHeight: height }}
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={Math.floor(peaks.duration)}
      aria-valuenow={0}
      onKeyDown={(event) => {
        const step = STEPS[event.key];
        if (step === undefined) return;
        event.preventDefault();
        if (event.key === 'Home') player.seek(0);
        else if (event.key === 'End') player.seek(peaks.duration);
        else seekBy(player, step);
      }}
    />
  );
}

const STEPS: Record<string, number> = {
  ArrowLeft: -STEP,
  ArrowDown: -STEP,
  ArrowRight: STEP,
  ArrowUp: STEP,
  PageDown: -PAGE,
  PageUp: PAGE,
  Home: 0,
  End: 0,
};

/** Upper and lower outline, from −1 to 1. */
function channelsOf({ data, length }: WaveformPeaks): Float32Array[] {
  const least = new Float32Array(length);
  const greatest = new Float32Array(length);
  for (let point = 0; point < length; point += 1) {
    least[point] = (data[2 * point] ?? 0) / 128;
    greatest[point] = (data[2 * point + 1] ?? 0) / 128;
  }
  return [greatest, least];
}

function letterMark(letter: string): HTMLElement {
  const mark = document.createElement('span');
  mark.textContent = letter;
  mark.ariaHidden = 'true';
  Object.assign(mark.style, {
    position: 'absolute',
    insetInlineStart: '4px',
    top: '2px',
    padding: '0 4px',
    font: '600 12px/16px system-ui, sans-serif',
    color: 'var(--mantine-color-text)',
    background: 'var(--agw-surface)',
    borderRadius: '2px',
  });
  return mark;
}
