/**
 * Who goes first among tenants of equal standing: the one that has had least audio time for its weight, and its oldest
 * entry. Start-time fair queueing (Goyal, Vin, Cheng: SIGCOMM 1996): while two tenants wait, what they have had,
 * divided by their weights, differs by no more than one entry of each.
 */

export interface ShareEntry {
  readonly tenant: string;
  readonly weight: number;
  /** Order of arrival. */
  readonly sequence: number;
  /** Audio seconds it counts for; may change while it waits. */
  cost: number;
  /** Audio seconds that its tenant has been charged; written here alone. */
  charged: number;
}

interface Tenant<E> {
  /** Audio seconds charged, divided by weight, counted from the clock's value when it last came back. */
  virtualTime: number;
  /** In order of arrival, but for those that were to be first. */
  waiting: E[];
}

export class FairShare<E extends ShareEntry> {
  readonly #tenants = new Map<string, Tenant<E>>();
  /** Virtual time of the entry begun last: one who comes back starts there, without credit for its absence. */
  #clock = 0;
  #waiting = 0;
  #begun = 0;

  get waiting(): number {
    return this.#waiting;
  }

  /** Nothing waits here, and nothing begun has still to end. */
  get isIdle(): boolean {
    return this.#waiting === 0 && this.#begun === 0;
  }

  waitingOf(tenant: string): number {
    return this.#tenants.get(tenant)?.waiting.length ?? 0;
  }

  /** `first`: before its tenant's others. */
  add(entry: E, first = false): void {
    const tenant = this.#tenantOf(entry);
    if (tenant.waiting.length === 0) tenant.virtualTime = Math.max(tenant.virtualTime, this.#clock);
    if (first) tenant.waiting.unshift(entry);
    else tenant.waiting.push(entry);
    this.#waiting += 1;
  }

  remove(entry: E): void {
    const { waiting } = this.#tenantOf(entry);
    waiting.splice(waiting.indexOf(entry), 1);
    this.#waiting -= 1;
  }

  /** The entry whose turn it is, of those that `fits`. */
  next(fits: (entry: E) => boolean): E | undefined {
    let best: { entry: E; virtualTime: number } | undefined;
    for (const { waiting, virtualTime } of this.#tenants.values()) {
      const entry = waiting.find(fits);
      if (entry === undefined) continue;
      const candidate = { entry, virtualTime };
      if (best === undefined || compareTurns(candidate, best) < 0) best = candidate;
    }
    return best?.entry;
  }

  /** Its wait is over: its tenant pays. */
  begin(entry: E): void {
    this.remove(entry);
    this.#clock = Math.max(this.#clock, this.#tenantOf(entry).virtualTime);
    this.#begun += 1;
    this.charge(entry, entry.cost);
  }

  /** Corrects what an entry that has begun costs its tenant. */
  charge(entry: E, seconds: number): void {
    this.#tenantOf(entry).virtualTime += (seconds - entry.charged) / entry.weight;
    entry.charged = seconds;
  }

  end(entry: E, seconds: number): void {
    this.charge(entry, seconds);
    this.#begun -= 1;
  }

  /** All that wait, in the order they would begin if nothing came, went or was corrected. */
  order(): E[] {
    const turns = [...this.#tenants.values()].flatMap(({ waiting, virtualTime }) => {
      let before = virtualTime;
      return waiting.map((entry) => {
        const turn = { entry, virtualTime: before };
        before += entry.cost / entry.weight;
        return turn;
      });
    });
    return turns.sort(compareTurns).map(({ entry }) => entry);
  }

  /** Newest first, of the tenant that has most waiting. */
  longestLine(): readonly E[] {
    const lines = [...this.#tenants.values()].map(({ waiting }) => waiting);
    return lines.reduce((longest, line) => (line.length > longest.length ? line : longest), []).toReversed();
  }

  #tenantOf({ tenant: id }: E): Tenant<E> {
    const known = this.#tenants.get(id);
    if (known !== undefined) return known;
    const tenant = { virtualTime: this.#clock, waiting: [] };
    this.#tenants.set(id, tenant);
    return tenant;
  }
}

interface Turn {
  entry: ShareEntry;
  virtualTime: number;
}

function compareTurns(a: Turn, b: Turn): number {
  return a.virtualTime - b.virtualTime || a.entry.sequence - b.entry.sequence;
}
