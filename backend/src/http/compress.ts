/** Compressed answers for whoever reads: the dashboard's lists on a slow line. What is sent in parts or as it comes stays as it is. */
import compression from 'compression';
import type { RequestHandler } from 'express';

/** Bytes; what is smaller fits into one packet anyway. */
const THRESHOLD = 1024;

/** Answers to GET alone; not event streams, and no files that can be asked for in parts: their ranges count raw bytes. */
export function compressReads(): RequestHandler {
  return compression({
    threshold: THRESHOLD,
    filter: (request, response) => {
      if (request.method !== 'GET' || response.getHeader('accept-ranges') !== undefined) return false;
      return (
        !/^text\/event-stream/.test(String(response.getHeader('content-type'))) && compression.filter(request, response)
      );
    },
  });
}
