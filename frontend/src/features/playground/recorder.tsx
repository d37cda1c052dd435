import { Button, NativeSelect } from '@mantine/core';
import { IconMicrophone, IconPlayerStopFilled, IconTrash } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { Notice } from '../../components/notice.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import { hasMicrophones, listMicrophones, type Recording, startRecording } from './microphone.ts';
import classes from './recorder.module.css';

export function Recorder({ onFile }: { onFile: (file: File) => void }) {
  const t = useT(messages);
  if (!hasMicrophones()) {
    return (
      <Notice tone="warning" title={t('micNeedsHttps')}>
        <p>{t('micNeedsHttpsFix')}</p>
      </Notice>
    );
  }
  return <MicrophoneControls onFile={onFile} />;
}

function MicrophoneControls({ onFile }: { onFile: (file: File) => void }) {
  const t = useT(messages);
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([]);
  const [device, setDevice] = useState('');
  const [recording, setRecording] = useState<Recording>();
  const [error, setError] = useState<unknown>();
  const running = useRef<Recording>(undefined);

  useEffect(() => {
    const refresh = () => void listMicrophones().then(setDevices, () => {});
    refresh();
    navigator.mediaDevices.addEventListener('devicechange', refresh);
    return () => {
      navigator.mediaDevices.removeEventListener('devicechange', refresh);
      running.current?.discard();
    };
  }, []);

  const become = (next: Recording | undefined) => {
    running.current = next;
    setRecording(next);
  };
  const start = async () => {
    setError(undefined);
    try {
      become(await startRecording(device));
      setDevices(await listMicrophones());
    } catch (failure) {
      setError(failure);
    }
  };
  const finish = async () => {
    const file = await recording?.finish();
    become(undefined);
    if (file !== undefined) onFile(file);
  };
  return (
    <div className={classes.recorder}>
      <NativeSelect
        label={t('microphone')}
        value={device}
        disabled={recording !== undefined}
        onChange={(event) => setDevice(event.currentTarget.value)}
        data={[
          { value: '', label: t('defaultMicrophone') },
          ...devices
            .filter(({ deviceId }) => deviceId !== 'default')
            .map(({ deviceId, label }, index) => ({
              value: deviceId,
              label: label === '' ? t('microphoneNumber', { number: index + 1 }) : label,
            })),
        ]}
      />
      {recording === undefined ? (
        <Button leftSection={<IconMicrophone size={16} aria-hidden />} onClick={start}>
          {t('record')}
        </Button>
      ) : (
        <>
          <Level recording={recording} />
          <div className={classes.line}>
            <Button color="red" leftSection={<IconPlayerStopFilled size={16} aria-hidden />} onClick={finish}>
              {t('stopRecording')}
            </Button>
            <Button
              variant="default"
              leftSection={<IconTrash size={16} aria-hidden />}
              onClick={() => {
                recording.discard();
                become(undefined);
              }}
            >
              {t('discard')}
            </Button>
          </div>
        </>
      )}
      {error !== undefined && (
        <Notice tone="error" title={t('micRefused')}>
          <p>
            {error instanceof DOMException && error.name === 'NotFoundError' ? t('micNotFound') : t('micRefusedFix')}
          </p>
        </Notice>
      )}
    </div>
  );
}

/** Moves outside of React: sixty times a second. */
function Level({ recording }: { recording: Recording }) {
  const t = useT(messages);
  const { clock } = useFormat();
  const bar = useRef<HTMLDivElement>(null);
  const time = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    let frame = 0;
    const draw = () => {
      if (bar.current !== null) bar.current.style.transform = `scaleX(${Math.min(1, recording.level())})`;
      if (time.current !== null) time.current.textContent = clock(recording.elapsed());
      frame = requestAnimationFrame(draw);
    };
    draw();
    return () => cancelAnimationFrame(frame);
  }, [recording, clock]);
  return (
    <div className={classes.line}>
      <span role="status">{t('recording')}</span>
      <span ref={time} />
      <div className={classes.meter} aria-hidden>
        <div ref={bar} className={classes.level} />
      </div>
    </div>
  );
}
