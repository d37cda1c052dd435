export default {
  title: 'Logs',
} as const;
