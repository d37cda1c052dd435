import { expect, test } from 'vitest';
import { isErrorCode } from '../../backend/src/errors.ts';
import texts from '../../frontend/src/components/error-codes/messages.en.ts';

test('the dashboard explains codes that the server has, and says what to do about each', () => {
  const explained = Object.keys(texts).filter((key) => !key.endsWith('_fix'));
  expect(explained.filter((code) => !isErrorCode(code))).toEqual([]);
  expect(explained.filter((code) => !(`${code}_fix` in texts))).toEqual([]);
});
