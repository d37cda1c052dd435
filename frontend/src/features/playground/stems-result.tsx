import type { Job } from '@contract/jobs.ts';
import type { separationJson } from '@contract/separation.ts';
import { Button, SegmentedControl } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { z } from 'zod';
import { inputPath, jobPeaksQuery } from '../../api/own-jobs.ts';
import { PlayerBar } from '../../components/audio/player-bar.tsx';
import { usePlayerKeys } from '../../components/audio/use-player-keys.ts';
import { Waveform } from '../../components/audio/waveform.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { type Player, seekBy, togglePlay } from '../../lib/player.ts';
import { messages } from './messages.ts';
import classes from './playground.module.css';
import { StemPlayer } from './stem-player.ts';
import { gainsOf, type Mix, ORIGINAL } from './stem-schedule.ts';
import stemClasses from './stems-result.module.css';

type Separation = z.infer<typeof separationJson>;

const EVERYTHING: Mix = { muted: new Set(), soloed: new Set(), original: false, volumes: new Map() };

/** Stems in step, each with solo, mute and its loudness, and the recording as it was beside them. */
export function StemsResult({ job, result }: { job: Job; result: Separation }) {
  const t = useT(messages);
  const { number } = useFormat();
  const [mix, setMix] = useState(EVERYTHING);
  const [selected, setSelected] = useState(result.stems[0]?.stem);
  const hasOriginal = job.input.available;
  const player = useStemPlayer(job.id, result, hasOriginal);
  useEffect(() => player.setMix(mix), [player, mix]);
  const gains = gainsOf(
    result.stems.map(({ stem }) => stem),
    mix,
  );
  const toggle = (kind: 'muted' | 'soloed', stem: string) => setMix({ ...mix, [kind]: toggled(mix[kind], stem) });
  const onSelected = (kind: 'muted' | 'soloed') => () => {
    if (selected !== undefined) toggle(kind, selected);
    return true;
  };
  usePlayerKeys({
    onToggle: () => togglePlay(player),
    onSeek: (seconds) => seekBy(player, seconds),
    further: { m: onSelected('muted'), s: onSelected('soloed') },
  });
  return (
    <section className={classes.card} aria-labelledby="result-heading">
      <div className={classes.line}>
        <h2 id="result-heading">{t('stems')}</h2>
        {result.residual_db !== null && (
          <span className={classes.dimmed}>{t('residual', { db: number(result.residual_db, ONE_DIGIT) })}</span>
        )}
      </div>
      <PlayerBar player={player} withSlider>
        {hasOriginal && (
          <SegmentedControl
            aria-label={t('listenTo')}
            value={mix.original ? ORIGINAL : 'stems'}
            onChange={(value) => setMix({ ...mix, original: value === ORIGINAL })}
            data={[
              { value: 'stems', label: t('stems') },
              { value: ORIGINAL, label: t('original') },
            ]}
          />
        )}
      </PlayerBar>
      <ul className={stemClasses.stems}>
        {result.stems.map((stem) => {
          const name = t(`stem_${stem.stem}`);
          return (
            <li
              key={stem.stem}
              className={stemClasses.stem}
              data-selected={stem.stem === selected || undefined}
              data-silent={gains.get(stem.stem) === 0 || undefined}
              onFocus={() => setSelected(stem.stem)}
            >
              <span className={stemClasses.name}>{name}</span>
              <span className={stemClasses.buttons}>
                <Button
                  size="compact-sm"
                  variant={mix.soloed.has(stem.stem) ? 'filled' : 'default'}
                  aria-pressed={mix.soloed.has(stem.stem)}
                  aria-label={t('solo', { stem: name })}
                  title={t('solo', { stem: name })}
                  onClick={() => toggle('soloed', stem.stem)}
                >
                  S
                </Button>
                <Button
                  size="compact-sm"
                  variant={mix.muted.has(stem.stem) ? 'filled' : 'default'}
                  aria-pressed={mix.muted.has(stem.stem)}
                  aria-label={t('mute', { stem: name })}
                  title={t('mute', { stem: name })}
                  onClick={() => toggle('muted', stem.stem)}
                >
                  M
                </Button>
              </span>
              <div className={stemClasses.wave}>
                <StemWave
                  id={job.id}
                  file={fileName(stem.url)}
                  player={player}
                  label={t('waveformOf', { stem: name })}
                />
              </div>
              <input
                className={stemClasses.volume}
                type="range"
                min={0}
                max={1}
                step={0.01}
                value={mix.volumes.get(stem.stem) ?? 1}
                aria-label={t('volume', { stem: name })}
                onChange={(event) =>
                  setMix({
                    ...mix,
                    volumes: new Map(mix.volumes).set(stem.stem, Number(event.currentTarget.value)),
                  })
                }
              />
              <span className={stemClasses.measures}>
                {[
                  stem.loudness_lufs === null ? t('silent') : `${number(stem.loudness_lufs, ONE_DIGIT)} LUFS`,
                  stem.peak_dbfs === null ? undefined : `${t('peak')} ${number(stem.peak_dbfs, ONE_DIGIT)} dBFS`,
                  stem.clipped_samples === 0 ? undefined : t('clipped', { count: stem.clipped_samples }),
                ]
                  .filter((part) => part !== undefined)
                  .join(' · ')}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

const ONE_DIGIT = { maximumFractionDigits: 1 } as const;

function StemWave({ id, file, player, label }: { id: string; file: string; player: Player; label: string }) {
  const { data } = useQuery(jobPeaksQuery(id, file));
  return data === undefined ? null : <Waveform peaks={data} player={player} height={40} label={label} />;
}

function useStemPlayer(id: string, { stems, duration }: Separation, hasOriginal: boolean): StemPlayer {
  const [player] = useState(() => {
    const files = stems.map(({ stem, url }) => ({ name: stem as string, path: url }));
    if (hasOriginal) files.push({ name: ORIGINAL, path: inputPath(id) });
    return new StemPlayer(files, duration, EVERYTHING);
  });
  useEffect(() => () => player.close(), [player]);
  return player;
}

function toggled(all: ReadonlySet<string>, item: string): ReadonlySet<string> {
  const next = new Set(all);
  if (!next.delete(item)) next.add(item);
  return next;
}

/** Last part of the artifact's address. */
function fileName(url: string): string {
  return decodeURIComponent(url.slice(url.lastIndexOf('/') + 1));
}
