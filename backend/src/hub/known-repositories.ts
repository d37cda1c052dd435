/** What the hub has said of repositories along the way, since the start: nothing is asked for this. */

export interface HeardOfRepository {
  gated?: false | 'auto' | 'manual';
  /** Content was sent, or refused, with the token there was or without one. */
  accessible?: boolean;
  /** Bytes by path in the repository. */
  sizes?: ReadonlyMap<string, number>;
}

export class KnownRepositories {
  readonly #known = new Map<string, HeardOfRepository>();
  readonly #onChange: (repo: string) => void;

  /** `onChange` is called when something new is known of a repository, or something known before no longer. */
  constructor(onChange: (repo: string) => void) {
    this.#onChange = onChange;
  }

  of(repo: string): HeardOfRepository {
    return this.#known.get(repo) ?? {};
  }

  note(repo: string, heard: HeardOfRepository): void {
    const before = this.of(repo);
    const sizes = new Map([...(before.sizes ?? []), ...(heard.sizes ?? [])]);
    const after = { ...before, ...heard, sizes };
    const isNews =
      before.gated !== after.gated ||
      before.accessible !== after.accessible ||
      [...sizes].some(([path, size]) => before.sizes?.get(path) !== size);
    if (!isNews) return;
    this.#known.set(repo, after);
    this.#onChange(repo);
  }

  /** There is another token: what the last one opened says nothing of it. */
  forgetToken(): void {
    for (const [repo, { accessible, ...rest }] of this.#known) {
      this.#known.set(repo, rest);
      if (accessible !== undefined) this.#onChange(repo);
    }
  }
}
