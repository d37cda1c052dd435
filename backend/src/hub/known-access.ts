/** Who may have which repository, as the hub has said along the way since the start: nothing is asked for this. */

export interface HeardAccess {
  gated?: false | 'auto' | 'manual';
  /** Content was sent, or refused, with the token there was or without one. */
  accessible?: boolean;
}

export class KnownAccess {
  readonly #known = new Map<string, HeardAccess>();
  readonly #onChange: (repo: string) => void;

  /** `onChange` is called when something new is known of a repository, or something known before no longer. */
  constructor(onChange: (repo: string) => void) {
    this.#onChange = onChange;
  }

  of(repo: string): HeardAccess {
    return this.#known.get(repo) ?? {};
  }

  note(repo: string, heard: HeardAccess): void {
    const before = this.of(repo);
    const after = { ...before, ...heard };
    if (before.gated === after.gated && before.accessible === after.accessible) return;
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
