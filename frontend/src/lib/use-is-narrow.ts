import { useMediaQuery } from '@mantine/hooks';

/** On a phone a dialog takes the whole screen. */
export function useIsNarrow(): boolean {
  return useMediaQuery('(max-width: 767px)', false, { getInitialValueInEffect: false });
}
