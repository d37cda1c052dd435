/** Which of a model's ready replicas takes a request: the least loaded one, or for one that must be alone an empty one. */

/** A ready replica as the queue sees it. */
export interface Lane {
  id: string;
  /** Requests it takes at a time. */
  capacity: number;
  /** Of `capacity`, those not in use. */
  free: number;
}

export interface LaneWish {
  /** It takes a whole replica, and shares it with nobody. */
  alone: boolean;
  /** Left out where any replica will do. */
  mayUse?: ((lane: string) => boolean) | undefined;
}

/** The free places of one round of grants. */
export class Lanes {
  readonly #lanes: Lane[];
  #draining: string | undefined;
  readonly #drainedBefore: string | undefined;

  /** `drainedBefore`: what `draining` said after the last round. */
  constructor(lanes: readonly Lane[], drainedBefore: string | undefined) {
    this.#lanes = lanes.map((lane) => ({ ...lane }));
    this.#drainedBefore = drainedBefore;
  }

  /** The replica that takes nobody more, until it is empty for one who must be alone there. One at a time. */
  get draining(): string | undefined {
    return this.#draining;
  }

  get hasRoom(): boolean {
    return this.#lanes.some((lane) => this.#isOpen(lane));
  }

  /** Its turn may come now: there is a place, which is enough to have a replica emptied for one that must be alone. */
  admits(wish: LaneWish): boolean {
    return this.#lanes.some((lane) => suits(lane, wish) && this.#isOpen(lane));
  }

  /** Takes a place. @returns the replica's id; undefined where it must wait for a replica to be emptied. */
  assign(wish: LaneWish): string | undefined {
    const lanes = this.#lanes.filter((lane) => suits(lane, wish)).sort((a, b) => inUse(a) - inUse(b));
    if (wish.alone) return this.#assignAlone(lanes);
    const lane = lanes.find((item) => this.#isOpen(item));
    if (lane === undefined) return undefined;
    lane.free -= 1;
    return lane.id;
  }

  #assignAlone(lanes: Lane[]): string | undefined {
    const empty = lanes.find((lane) => inUse(lane) === 0);
    if (empty === undefined) {
      this.#draining ??= (lanes.find(({ id }) => id === this.#drainedBefore) ?? lanes[0])?.id;
      return undefined;
    }
    empty.free = 0;
    return empty.id;
  }

  #isOpen({ id, free }: Lane): boolean {
    return free > 0 && id !== this.#draining;
  }
}

function suits({ id }: Lane, { mayUse }: LaneWish): boolean {
  return mayUse?.(id) ?? true;
}

function inUse({ capacity, free }: Lane): number {
  return capacity - free;
}
