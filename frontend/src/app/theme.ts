/** Mantine in the dashboard's measures and colours: its own defaults do not reach WCAG AA everywhere. */
import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core';

/** Filled controls take shade 7 on light pages, 8 on dark ones: white on either is above 4.5 : 1. */
const brand: MantineColorsTuple = [
  '#eef2ff',
  '#e6ecff',
  '#c9d5ff',
  '#a6baff',
  '#869fff',
  '#6481f0',
  '#4a66d6',
  '#2c47b0',
  '#4a63cf',
  '#3a50b4',
];

/** Text 0, dimmed 2, borders 4, hover 5, surface 6, page 7. */
const dark: MantineColorsTuple = [
  '#e8eaef',
  '#c9cdd6',
  '#a4abb8',
  '#878e9b',
  '#3d434e',
  '#2b2f37',
  '#1e2127',
  '#16181d',
  '#111318',
  '#0c0e12',
];

/** Their `<header>` would be a second banner of the page. */
const NO_BANNER = { attributes: { header: { role: 'presentation' } } };

export const theme = createTheme({
  primaryColor: 'brand',
  primaryShade: { light: 7, dark: 8 },
  colors: { brand, dark },
  black: '#1b1e25',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  lineHeights: { xs: '16px', sm: '20px', md: '20px', lg: '24px', xl: '28px' },
  spacing: { xs: '4px', sm: '8px', md: '12px', lg: '16px', xl: '24px' },
  defaultRadius: 4,
  radius: { xs: '2px', sm: '4px', md: '4px', lg: '8px', xl: '12px' },
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '24px', lineHeight: '32px' },
      h2: { fontSize: '16px', lineHeight: '24px' },
      h3: { fontSize: '14px', lineHeight: '20px' },
    },
  },
  respectReducedMotion: true,
  cursorType: 'pointer',
  components: {
    Button: { defaultProps: { size: 'sm' } },
    ActionIcon: { defaultProps: { size: 36, variant: 'subtle', color: 'gray' } },
    CloseButton: { defaultProps: { size: 36 } },
    // 16 px: below that, phones zoom the page into the field.
    TextInput: { defaultProps: { size: 'md' } },
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.5 }, ...NO_BANNER } },
    Drawer: { defaultProps: NO_BANNER },
    Tooltip: { defaultProps: { openDelay: 300, events: { hover: true, focus: true, touch: true } } },
  },
});

/** The state's tones under the names of Mantine's colours: `color="red" variant="light"` is the error tone. */
const TONES = {
  red: 'error',
  green: 'ok',
  teal: 'ok',
  yellow: 'warning',
  orange: 'warning',
  blue: 'active',
  indigo: 'active',
  brand: 'active',
  gray: 'idle',
  grape: 'gated',
  violet: 'gated',
} as const;

const toned = Object.fromEntries(
  Object.entries(TONES).flatMap(([color, tone]) => [
    [`--mantine-color-${color}-light`, `var(--agw-${tone}-tint)`],
    [`--mantine-color-${color}-light-hover`, `var(--agw-${tone}-tint)`],
    [`--mantine-color-${color}-light-color`, `var(--agw-${tone})`],
    [`--mantine-color-${color}-text`, `var(--agw-${tone})`],
    [`--mantine-color-${color}-outline`, `var(--agw-${tone})`],
  ]),
);

const shared = {
  ...toned,
  '--mantine-color-dimmed': 'var(--agw-dimmed)',
  '--mantine-color-error': 'var(--agw-error)',
  '--mantine-color-anchor': 'var(--agw-active)',
  '--mantine-color-placeholder': 'var(--agw-dimmed)',
  '--mantine-color-default-border': 'light-dark(#8b919d, #79808d)',
  '--mantine-color-red-filled': 'light-dark(#a8201a, #c4403a)',
  '--mantine-color-red-filled-hover': 'light-dark(#8c1a15, #a8201a)',
};

export const cssVariablesResolver: CSSVariablesResolver = () => ({
  variables: {},
  // Mantine sets its own per scheme: these must stand beside them to win.
  light: { ...shared, '--mantine-color-body': '#ffffff' },
  dark: { ...shared, '--mantine-color-body': '#1e2127', '--mantine-color-default': '#16181d' },
});
