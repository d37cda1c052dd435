export default {
  title: 'API docs',
} as const;
