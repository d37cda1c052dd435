import { ActionIcon, Loader } from '@mantine/core';
import {
  IconPlayerPauseFilled,
  IconPlayerPlayFilled,
  IconRewindBackward5,
  IconRewindForward5,
} from '@tabler/icons-react';
import { type ReactNode, useRef } from 'react';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { type Player, seekBy, togglePlay, useFailure, usePaused, useTick, useWaiting } from '../../lib/player.ts';
import { Notice } from '../notice.tsx';
import { messages } from './messages.ts';
import classes from './player-bar.module.css';

export interface PlayerBarProps {
  player: Player;
  /** Without a waveform beside it the bar has a slider of its own. */
  withSlider?: boolean;
  children?: ReactNode;
}

const STEP = 5;

export function PlayerBar({ player, withSlider = false, children }: PlayerBarProps) {
  const t = useT(messages);
  const { clock } = useFormat();
  const paused = usePaused(player);
  const waiting = useWaiting(player);
  const failure = useFailure(player);
  const text = useRef<HTMLSpanElement>(null);
  const range = useRef<HTMLInputElement>(null);
  useTick(player, (time) => {
    if (text.current !== null) text.current.textContent = `${clock(time)} / ${clock(player.duration)}`;
    if (range.current === null) return;
    range.current.max = String(player.duration);
    range.current.value = String(time);
  });
  return (
    <>
      <div className={classes.bar}>
        <ActionIcon
          variant="filled"
          color="brand"
          aria-label={paused ? t('play') : t('pause')}
          onClick={() => togglePlay(player)}
        >
          {waiting ? (
            <Loader size={16} color="currentColor" />
          ) : paused ? (
            <IconPlayerPlayFilled size={18} aria-hidden />
          ) : (
            <IconPlayerPauseFilled size={18} aria-hidden />
          )}
        </ActionIcon>
        <ActionIcon aria-label={t('back', { count: STEP })} onClick={() => seekBy(player, -STEP)}>
          <IconRewindBackward5 size={18} aria-hidden />
        </ActionIcon>
        <ActionIcon aria-label={t('forward', { count: STEP })} onClick={() => seekBy(player, STEP)}>
          <IconRewindForward5 size={18} aria-hidden />
        </ActionIcon>
        <span ref={text} className={classes.time} />
        {withSlider && (
          <input
            ref={range}
            className={classes.range}
            type="range"
            min={0}
            step="any"
            aria-label={t('placeInRecording')}
            onChange={(event) => player.seek(Number(event.currentTarget.value))}
          />
        )}
        {children}
      </div>
      {failure !== undefined && (
        <Notice tone="warning" title={t('cannotPlay')}>
          <p>{t('cannotPlayFix')}</p>
        </Notice>
      )}
    </>
  );
}
