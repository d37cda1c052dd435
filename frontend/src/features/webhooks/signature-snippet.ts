/** Code that checks a webhook's signature, as both of OpenAI's clients do it. */
export const SIGNATURE_SNIPPETS = {
  Node: `import OpenAI from 'openai';

const client = new OpenAI();
// The body as it came: parsed and printed again it has another signature.
const event = await client.webhooks.unwrap(body, request.headers, process.env.WEBHOOK_SECRET);
// Throws InvalidWebhookSignatureError; drop what has a webhook-id that you have seen.`,
  Python: `from openai import OpenAI

client = OpenAI()
# The body as it came: parsed and printed again it has another signature.
event = client.webhooks.unwrap(body, request.headers, secret=os.environ["WEBHOOK_SECRET"])
# Raises InvalidWebhookSignatureError; drop what has a webhook-id that you have seen.`,
} as const;
