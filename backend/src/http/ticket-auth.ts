/** A request that shows a ticket (`?ticket=`) in place of a key: it opens one path, to whoever used it first. */
import type { Request, Response } from 'express';
import type { Principal } from '../contract/keys.ts';
import { GatewayError } from '../errors.ts';

export interface TicketDirectory {
  /** `session` of the result: to be given to the caller, who shows it from then on. */
  redeem(shown: {
    ticket: string;
    path: string;
    session: string | undefined;
  }): Promise<{ principal: Principal; session: string | undefined } | undefined>;
}

/** As long as a ticket lives at most. */
const COOKIE_MAX_AGE_MS = 300_000;

/** @returns undefined when the request shows no ticket. @throws invalid_ticket */
export async function principalOfTicket(
  request: Request,
  response: Response,
  tickets: TicketDirectory,
): Promise<Principal | undefined> {
  const { ticket } = request.query;
  if (ticket === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return undefined;
  if (typeof ticket !== 'string' || !/^[\w-]{43}$/.test(ticket)) throw invalid();
  const path = request.baseUrl + request.path;
  const cookie = `ticket_${ticket.slice(0, 8)}`;
  const session = cookieOf(request, cookie);
  const redeemed = await tickets.redeem({ ticket, path, session });
  if (redeemed === undefined) throw invalid();
  // The address must not go on to others, nor stay behind.
  response.set({ 'referrer-policy': 'no-referrer', 'cross-origin-resource-policy': 'same-origin' });
  if (redeemed.session !== undefined) {
    response.cookie(cookie, redeemed.session, {
      httpOnly: true,
      sameSite: 'strict',
      secure: request.secure,
      path,
      maxAge: COOKIE_MAX_AGE_MS,
    });
  }
  return redeemed.principal;
}

function cookieOf(request: Request, name: string): string | undefined {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [key, value] = pair.split('=', 2);
    if (key?.trim() === name) return value?.trim();
  }
  return undefined;
}

function invalid(): GatewayError {
  return new GatewayError('invalid_ticket', {
    message: 'This ticket has ended, belongs to another session, or is not for this address. Ask for a new one.',
    param: 'ticket',
  });
}
