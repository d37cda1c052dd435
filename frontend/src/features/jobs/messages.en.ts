export default {
  title: 'Jobs',
  jobTitle: 'Job',
} as const;
