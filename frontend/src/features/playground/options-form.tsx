import type { Model } from '@contract/models.ts';
import { SEPARATION_OUTPUTS, STEMS, separationOutput } from '@contract/separation.ts';
import { Checkbox, Fieldset, Group, NativeSelect, Stack, Textarea, TextInput } from '@mantine/core';
import { useLanguage } from '../../lib/i18n/language.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { lacksWordTimes } from '../../lib/lacks-word-times.ts';
import { messages } from './messages.ts';
import { MODEL_TASK, mayBeLive, type Options, type Task } from './request.ts';

export interface OptionsFormProps {
  task: Task;
  model: Model | undefined;
  models: readonly Model[];
  options: Options;
  onChange: (changed: Partial<Options>) => void;
}

/** What may be asked for beside the task; only what the task knows is shown. */
export function OptionsForm({ task, model, models, options, onChange }: OptionsFormProps) {
  const t = useT(messages);
  const locale = useLanguage();
  const hearsText = task !== 'diarize' && task !== 'separate';
  const hearsSpeakers = task === 'diarize' || task === 'all' || (task === 'transcribe' && options.diarize);
  const separates = task === 'all' || (task === 'transcribe' && options.separateVocals);
  const further = (kind: string) => [
    { value: '', label: t('serversChoice') },
    ...models.filter((each) => each.task === kind).map(({ id }) => ({ value: id, label: id })),
  ];
  return (
    <Stack gap="sm">
      {hearsText && task !== 'translate' && (
        <NativeSelect
          label={t('language')}
          value={options.language}
          onChange={(event) => onChange({ language: event.currentTarget.value })}
          data={[
            { value: '', label: t('languageFound') },
            ...(model?.languages ?? []).map((code) => ({ value: code, label: languageName(code, locale) })),
          ]}
        />
      )}
      {hearsText && (
        <Textarea
          label={t('prompt')}
          description={t('promptHint')}
          autosize={false}
          rows={2}
          value={options.prompt}
          onChange={(event) => onChange({ prompt: event.currentTarget.value })}
        />
      )}
      {hearsText && task !== 'translate' && (
        <Checkbox
          label={t('words')}
          description={model !== undefined && lacksWordTimes(model.id) ? t('wordsLacking') : undefined}
          checked={options.words && !(model !== undefined && lacksWordTimes(model.id))}
          disabled={model !== undefined && lacksWordTimes(model.id)}
          onChange={(event) => onChange({ words: event.currentTarget.checked })}
        />
      )}
      {task === 'transcribe' && (
        <>
          <Checkbox
            label={t('diarize')}
            checked={options.diarize}
            onChange={(event) => onChange({ diarize: event.currentTarget.checked })}
          />
          <Checkbox
            label={t('separateVocals')}
            checked={options.separateVocals}
            onChange={(event) => onChange({ separateVocals: event.currentTarget.checked })}
          />
        </>
      )}
      {hearsSpeakers && task !== 'diarize' && (
        <NativeSelect
          label={t('diarizationModel')}
          value={options.diarizationModel}
          onChange={(event) => onChange({ diarizationModel: event.currentTarget.value })}
          data={further(MODEL_TASK.diarize)}
        />
      )}
      {separates && (
        <NativeSelect
          label={t('separationModel')}
          value={options.separationModel}
          onChange={(event) => onChange({ separationModel: event.currentTarget.value })}
          data={further(MODEL_TASK.separate)}
        />
      )}
      {hearsSpeakers && (
        <TextInput
          label={t('speakerCount')}
          description={t('speakerCountHint')}
          inputMode="numeric"
          value={options.speakers}
          error={
            options.speakers !== '' && !/^([1-9]|1\d|20)$/.test(options.speakers) ? t('speakerCountWrong') : undefined
          }
          onChange={(event) => onChange({ speakers: event.currentTarget.value })}
        />
      )}
      {task === 'separate' && (
        <>
          <Fieldset legend={t('stems')} variant="unstyled">
            <Group gap="sm" mt={4}>
              {[...STEMS, 'instrumental' as const].map((stem) => (
                <Checkbox
                  key={stem}
                  label={t(`stem_${stem}`)}
                  checked={options.stems.includes(stem)}
                  onChange={(event) =>
                    onChange({
                      stems: event.currentTarget.checked
                        ? [...options.stems, stem]
                        : options.stems.filter((each) => each !== stem),
                    })
                  }
                />
              ))}
            </Group>
            <p>{t('stemsHint')}</p>
          </Fieldset>
          <NativeSelect
            label={t('output')}
            value={options.output}
            onChange={(event) => onChange({ output: separationOutput.catch('wav').parse(event.currentTarget.value) })}
            data={SEPARATION_OUTPUTS.map((value) => ({ value, label: OUTPUT_NAMES[value] }))}
          />
        </>
      )}
      {mayBeLive(task, options) && (
        <Checkbox
          label={t('live')}
          description={t('liveNote')}
          checked={options.live}
          onChange={(event) => onChange({ live: event.currentTarget.checked })}
        />
      )}
      <Checkbox
        label={t('fresh')}
        description={t('freshHint')}
        checked={options.fresh}
        onChange={(event) => onChange({ fresh: event.currentTarget.checked })}
      />
    </Stack>
  );
}

const OUTPUT_NAMES: Record<(typeof SEPARATION_OUTPUTS)[number], string> = {
  wav: 'WAV, 16 bit',
  wav_24: 'WAV, 24 bit',
  wav_float: 'WAV, 32 bit float',
  flac: 'FLAC',
  mp3: 'MP3',
  opus: 'Opus',
};

function languageName(code: string, locale: string): string {
  const name = new Intl.DisplayNames(locale, { type: 'language' }).of(code) ?? code;
  return name === code ? code : `${name} (${code})`;
}
