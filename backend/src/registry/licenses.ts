/** Which models may be used: those under a free licence, and those whose licence an admin has confirmed. */
import { GatewayError } from '../errors.ts';
import type { ModelDefinition } from '../models/define-model.ts';

export interface LicenseConfirmation {
  model: string;
  repo: string;
  revision: string;
  /** As the catalog showed it. */
  license: string;
  /** Id of the admin's key. */
  confirmedBy: string;
  confirmedAt: Date;
}

export interface LicenseStore {
  read(): Promise<LicenseConfirmation[]>;
  /** With its audit row; the first one of a model, repository and licence stands. */
  confirm(confirmation: Omit<LicenseConfirmation, 'confirmedAt'>): Promise<void>;
}

type Licensed = Pick<ModelDefinition, 'id' | 'repo' | 'revision' | 'license'>;

/** SPDX identifiers of licences that allow any use, a commercial one too. Every other text is for somebody to read. */
const FREE = new Set(
  [
    ...['MIT', 'MIT-0', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'Zlib', 'BSL-1.0', 'Unlicense', '0BSD'],
    ...['CC0-1.0', 'CC-BY-3.0', 'CC-BY-4.0', 'CC-BY-SA-3.0', 'CC-BY-SA-4.0', 'MPL-2.0', 'CDLA-Permissive-2.0'],
    ...['LGPL-2.1', 'LGPL-3.0', 'GPL-2.0', 'GPL-3.0', 'AGPL-3.0'],
    ...['LGPL-2.1-only', 'LGPL-3.0-only', 'GPL-2.0-only', 'GPL-3.0-only', 'AGPL-3.0-only'],
    ...['LGPL-2.1-or-later', 'LGPL-3.0-or-later', 'GPL-2.0-or-later', 'GPL-3.0-or-later', 'AGPL-3.0-or-later'],
  ].map((name) => name.toLowerCase()),
);

/** Non-commercial, disputed, unknown, or anything else than a free licence's identifier. */
export function needsConfirmation(license: string): boolean {
  return !FREE.has(license.trim().toLowerCase());
}

export class Licenses {
  readonly #store: LicenseStore;
  #confirmed: readonly LicenseConfirmation[] = [];
  #refreshing: Promise<void> | undefined;

  constructor(store: LicenseStore) {
    this.#store = store;
  }

  /** Looks at what other gateways have noted. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#read().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Of this very licence of this repository; undefined when there is none. */
  find({ id, repo, license }: Licensed): LicenseConfirmation | undefined {
    return this.#confirmed.find((entry) => entry.model === id && entry.repo === repo && entry.license === license);
  }

  mayUse(model: Licensed): boolean {
    return !needsConfirmation(model.license) || this.find(model) !== undefined;
  }

  /** @throws license_not_confirmed; what another gateway has confirmed meanwhile is known the next time. */
  require(model: Licensed): void {
    if (this.mayUse(model)) return;
    this.refresh().catch(() => {});
    const { id, license } = model;
    throw new GatewayError('license_not_confirmed', {
      message: `The licence of the model '${id}' (${license}) has not been confirmed on this server. An admin who has read it does that once, by POST /api/admin/models/${encodeURIComponent(id)}/confirm-license.`,
      param: 'model',
      extra: { license },
    });
  }

  /** Where one is needed and there is none. */
  async confirm({ id, repo, revision, license }: Licensed, confirmedBy: string): Promise<void> {
    if (this.mayUse({ id, repo, revision, license })) return;
    await this.#store.confirm({ model: id, repo, revision, license, confirmedBy });
    await this.#read();
  }

  async #read(): Promise<void> {
    this.#confirmed = await this.#store.read();
  }
}
