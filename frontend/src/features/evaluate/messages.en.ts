export default {
  title: 'Evaluate',
} as const;
