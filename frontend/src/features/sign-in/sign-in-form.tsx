import { Button, Group, PasswordInput, Radio, Stack } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { type ApiError, isRefusal } from '../../api/api-error.ts';
import { isSendable, roleOfKey } from '../../api/key-role.ts';
import { signIn } from '../../api/session.ts';
import { Notice } from '../../components/notice.tsx';
import { noteNavigation } from '../../lib/focus-on-navigation.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';

export interface SignInFormProps {
  /** Why the last session ended; undefined before the first. */
  ending: 'signed-out' | ApiError | undefined;
}

export function SignInForm({ ending }: SignInFormProps) {
  const t = useT(messages);
  const input = useRef<HTMLInputElement>(null);
  const [keepIn, setKeepIn] = useState<'memory' | 'tab'>('memory');
  const attempt = useMutation({
    networkMode: 'always',
    mutationFn: async (key: string) => {
      const role = await roleOfKey(key);
      // The form that has the focus goes: the screen's heading takes it.
      noteNavigation();
      signIn({ key, role, keepIn });
    },
    onError: () => input.current?.select(),
    // A mutation remembers its variables: not the key.
    gcTime: 0,
  });
  const [isMalformed, setMalformed] = useState(false);

  // Where the form comes instead of something else, it takes the focus.
  useEffect(() => {
    if (ending !== undefined) input.current?.focus();
  }, [ending]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const key = input.current?.value.trim() ?? '';
    setMalformed(!isSendable(key));
    if (isSendable(key) && !attempt.isPending) attempt.mutate(key);
  };

  const failure = attempt.error ?? (ending instanceof Error ? ending : undefined);
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {/* Without a name a browser that lost the script cannot put the key into a URL. */}
        <PasswordInput
          ref={input}
          size="md"
          label={t('key')}
          description={t('keyHint')}
          autoComplete="off"
          spellCheck={false}
          required
          withAsterisk={false}
          error={isMalformed || (isRefusal(failure) && !attempt.isPending)}
          visibilityToggleButtonProps={{ 'aria-label': t('showKey') }}
        />
        <Radio.Group
          label={t('keepIn')}
          value={keepIn}
          onChange={(value) => setKeepIn(value === 'tab' ? 'tab' : 'memory')}
        >
          <Group gap="lg" mt={4}>
            <Radio value="memory" label={t('keepMemory')} />
            <Radio value="tab" label={t('keepTab')} />
          </Group>
        </Radio.Group>
        <Button type="submit" aria-disabled={attempt.isPending}>
          {attempt.isPending ? t('signingIn') : t('signIn')}
        </Button>
        {isMalformed ? (
          <Notice tone="error" title={t('notAccepted')}>
            <p>{t('notSendable')}</p>
          </Notice>
        ) : (
          failure !== undefined &&
          !attempt.isPending && (
            <Notice tone="error" title={isRefusal(failure) ? t('notAccepted') : t('failed')}>
              <p>{failure.message}</p>
            </Notice>
          )
        )}
        {failure === undefined && !isMalformed && ending === 'signed-out' && <p role="status">{t('signedOut')}</p>}
      </Stack>
    </form>
  );
}
