export default {
  title: 'Webhooks',
  webhookTitle: 'Webhook',
} as const;
