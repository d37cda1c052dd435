export default {
  title: 'GPUs',
} as const;
