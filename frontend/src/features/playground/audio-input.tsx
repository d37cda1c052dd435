import { ActionIcon, SegmentedControl, Stack } from '@mantine/core';
import { IconFileMusic, IconX } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { DropArea } from '../../components/audio/drop-area.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import classes from './audio-input.module.css';
import { messages } from './messages.ts';
import { Recorder } from './recorder.tsx';

export interface AudioInputProps {
  file: File | undefined;
  onFile: (file: File | undefined) => void;
}

/** A file or a recording; chosen, it can be heard before it is sent. */
export function AudioInput({ file, onFile }: AudioInputProps) {
  const t = useT(messages);
  const { bytes } = useFormat();
  const [source, setSource] = useState<'file' | 'microphone'>('file');
  return (
    <Stack gap="sm">
      <SegmentedControl
        fullWidth
        aria-label={t('source')}
        value={source}
        onChange={(value) => setSource(value === 'microphone' ? 'microphone' : 'file')}
        data={[
          { value: 'file', label: t('sourceFile') },
          { value: 'microphone', label: t('sourceMicrophone') },
        ]}
      />
      {source === 'file' ? <DropArea onFile={onFile} /> : <Recorder onFile={onFile} />}
      {file !== undefined && (
        <div>
          <div className={classes.file}>
            <IconFileMusic size={18} aria-hidden />
            <strong>{file.name}</strong>
            <span>{bytes(file.size)}</span>
            <ActionIcon size="sm" aria-label={t('removeFile')} onClick={() => onFile(undefined)}>
              <IconX size={16} aria-hidden />
            </ActionIcon>
          </div>
          <Preview file={file} />
        </div>
      )}
    </Stack>
  );
}

function Preview({ file }: { file: File }) {
  const t = useT(messages);
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  // biome-ignore lint/a11y/useMediaCaption: what is said in it is what the reader is about to find out
  return url === undefined ? null : <audio className={classes.preview} controls src={url} aria-label={t('preview')} />;
}
