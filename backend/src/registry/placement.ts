/** Where replicas go and which idle ones make room for them: a pure function of what is needed and what is there. */
import { chooseEvictions } from './choose-evictions.ts';

export interface Device {
  /** `cpu`, or a GPU's UUID. */
  id: string;
  kind: 'cpu' | 'cuda';
  /** As the sentences for callers name it: `GPU 1`. */
  label: string;
  totalBytes: number;
  /** The driver's figure, of whatever program; for the CPU, RAM in use. */
  usedBytes: number;
  /** Promised to replicas and not yet seen in `usedBytes`. */
  reservedBytes: number;
  /** Why nothing may be placed here: lost, failing, in MIG mode; null for a device that works. */
  unavailable: string | null;
}

/** A replica that has a process. */
export interface Resident {
  id: string;
  model: string;
  device: string;
  /** Its share of the device's used and reserved bytes, so what comes free when it ends. */
  bytes: number;
  state: 'starting' | 'ready' | 'stopping';
  /** Requests are in it, or wait for it. */
  busy: boolean;
  pinned: boolean;
  /** Milliseconds since the epoch. */
  lastUsedAt: number;
}

export interface Candidate {
  device: string;
  /** Replicas to add there, at least 1. */
  count: number;
  /** The model's footprint on a device of this kind. */
  bytesPerReplica: number;
}

export interface Need {
  model: string;
  /** `each`: all candidates get their replicas, or none does. `any`: the best one of them does. */
  on: 'each' | 'any';
  /** In the operator's order. */
  candidates: readonly Candidate[];
  /** To be left free on every device used. */
  marginBytes: number;
}

export interface Placement {
  device: string;
  count: number;
  /** Replicas to unload first, least recently used first. */
  evictions: string[];
  /** Replicas already being unloaded whose memory is needed: wait for their end. */
  leaving: string[];
  /** Once everything is in place. */
  freeBytesAfter: number;
}

export interface Refusal {
  code: 'unknown_device' | 'device_unavailable' | 'device_listed_twice' | 'device_too_small' | 'no_room';
  /** A sentence safe for callers. */
  message: string;
  device: string;
  /** For the replicas and the margin. */
  neededBytes: number;
  /** Free now. */
  freeBytes: number;
  /** What idle replicas and those being unloaded would give back. */
  evictableBytes: number;
  /** Every replica on the device that stays, the largest first. */
  holders: Holder[];
  /** In use by programs other than replicas. */
  otherBytes: number;
}

export interface Holder {
  replica: string;
  model: string;
  bytes: number;
  why: 'loading' | 'pinned' | 'busy' | 'same_model';
}

/** A refusal names every candidate that cannot be used, in the operator's order; none where there was no candidate. */
export type Plan = { ok: true; placements: Placement[] } | { ok: false; refusals: Refusal[] };

/** A placement, with what tells how good it is beside others. */
interface Fit extends Placement {
  kind: Device['kind'];
  victims: Resident[];
}

type Outcome = Fit | Refusal;

/**
 * Evicts the fewest least recently used idle replicas per device (`chooseEvictions`), never a busy, pinned or loading
 * one, nor one of the model itself. The order of `devices` and `replicas` does not matter.
 *
 * `any` takes a device that needs no eviction, and of several the one with most free memory; else the one with the
 * fewest evictions, the least recently used victims, and then the operator's order. A kind of device named later is
 * taken only where none of an earlier kind can be: a model does not slip from the GPUs to the CPU to spare an eviction.
 */
export function planPlacement(need: Need, devices: readonly Device[], replicas: readonly Resident[]): Plan {
  const outcomes = need.candidates.map((candidate) => planOn(candidate, need, devices, replicas));
  const refusals = outcomes.filter((outcome) => 'code' in outcome);
  const fits = outcomes.filter((outcome) => 'victims' in outcome);
  if (need.on === 'each') {
    return refusals.length === 0 ? { ok: true, placements: fits.map(toPlacement) } : { ok: false, refusals };
  }
  const kinds = need.candidates.map(({ device }) => devices.find(({ id }) => id === device)?.kind);
  const [best] = fits.sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || compareFits(a, b));
  return best === undefined ? { ok: false, refusals } : { ok: true, placements: [toPlacement(best)] };
}

function planOn(
  { device: id, count, bytesPerReplica }: Candidate,
  { model, on, candidates, marginBytes }: Need,
  devices: readonly Device[],
  replicas: readonly Resident[],
): Outcome {
  const device = devices.find((item) => item.id === id);
  const neededBytes = count * bytesPerReplica + marginBytes;
  const nothing = { device: id, neededBytes, freeBytes: 0, evictableBytes: 0, holders: [], otherBytes: 0 };
  if (device === undefined) {
    return { ...nothing, code: 'unknown_device', message: `There is no device '${id}' on this server.` };
  }

  const here = replicas.filter((replica) => replica.device === id);
  const staying = here.flatMap((replica) => toHolder(replica, model));
  const leaving = here.filter(({ state }) => state === 'stopping');
  const idle = here.filter((replica) => replica.state !== 'stopping' && reasonToStay(replica, model) === undefined);
  const takenBytes = device.usedBytes + device.reservedBytes;
  const state = {
    ...nothing,
    freeBytes: Math.max(0, device.totalBytes - takenBytes),
    evictableBytes: sumBytes(leaving) + sumBytes(idle),
    holders: staying.sort((a, b) => b.bytes - a.bytes || (a.replica < b.replica ? -1 : 1)),
    otherBytes: Math.max(0, takenBytes - sumBytes(here)),
  };
  if (device.unavailable !== null) {
    return { ...state, code: 'device_unavailable', message: `${device.label} cannot be used: ${device.unavailable}.` };
  }
  if (on === 'each' && candidates.filter((item) => item.device === id).length > 1) {
    return { ...state, code: 'device_listed_twice', message: `${device.label} is listed more than once.` };
  }
  if (neededBytes > device.totalBytes) {
    const message = `The model '${model}' needs ${inGiB(neededBytes)} on ${device.label}, which has ${inGiB(device.totalBytes)} in all.`;
    return { ...state, code: 'device_too_small', message };
  }

  const shortfall = neededBytes - (device.totalBytes - takenBytes);
  const awaited = shortfall > 0 ? leaving : [];
  const victims = chooseEvictions(idle, shortfall - sumBytes(awaited));
  if (victims === undefined) return { ...state, code: 'no_room', message: describeNoRoom(device, model, state) };
  return {
    device: id,
    kind: device.kind,
    count,
    evictions: victims.map((replica) => replica.id),
    leaving: awaited.map((replica) => replica.id).sort(),
    freeBytesAfter: device.totalBytes - takenBytes + sumBytes(awaited) + sumBytes(victims) - count * bytesPerReplica,
    victims,
  };
}

function reasonToStay({ state, pinned, busy, model }: Resident, placed: string): Holder['why'] | undefined {
  if (state === 'starting') return 'loading';
  if (pinned) return 'pinned';
  if (busy) return 'busy';
  return model === placed ? 'same_model' : undefined;
}

function toHolder(replica: Resident, placed: string): Holder[] {
  const why = replica.state === 'stopping' ? undefined : reasonToStay(replica, placed);
  return why === undefined ? [] : [{ replica: replica.id, model: replica.model, bytes: replica.bytes, why }];
}

function toPlacement({ kind: _kind, victims: _victims, ...placement }: Fit): Placement {
  return placement;
}

/** The better one first; equal ones stay in the operator's order. */
function compareFits(a: Fit, b: Fit): number {
  if (a.victims.length !== b.victims.length) return a.victims.length - b.victims.length;
  if (a.victims.length === 0) {
    const waits = Number(a.leaving.length > 0) - Number(b.leaving.length > 0);
    return waits || b.freeBytesAfter - a.freeBytesAfter;
  }
  // Both end with their most recently used.
  for (let index = a.victims.length - 1; index >= 0; index -= 1) {
    const difference = (a.victims[index]?.lastUsedAt ?? 0) - (b.victims[index]?.lastUsedAt ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function describeNoRoom(
  { label }: Device,
  model: string,
  state: Pick<Refusal, 'neededBytes' | 'freeBytes' | 'evictableBytes' | 'holders' | 'otherBytes'>,
): string {
  const { neededBytes, freeBytes, evictableBytes, holders, otherBytes } = state;
  const held = holders.map((holder) => `'${holder.model}' ${inGiB(holder.bytes)} (${WHY[holder.why]})`);
  if (otherBytes >= TOLD_BYTES) held.push(`other programs ${inGiB(otherBytes)}`);
  const room =
    evictableBytes > 0
      ? `${inGiB(freeBytes)} free and ${inGiB(evictableBytes)} in idle models`
      : `${inGiB(freeBytes)} free`;
  return `The model '${model}' needs ${inGiB(neededBytes)} on ${label}, which has ${room}. The rest is held by ${held.join(', ')}.`;
}

/** Less would read 0.0 GiB: a driver's own few MiB. */
const TOLD_BYTES = 0.05 * 2 ** 30;

const WHY: Record<Holder['why'], string> = {
  loading: 'loading',
  pinned: 'pinned',
  busy: 'busy',
  same_model: 'the same model',
};

function sumBytes(items: readonly { bytes: number }[]): number {
  return items.reduce((sum, { bytes }) => sum + bytes, 0);
}

function inGiB(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
