import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Quarantine } from '../../backend/src/registry/quarantine.ts';
import { tempDir } from '../support/temp-dir.ts';

async function setUp() {
  const dir = await tempDir();
  const file = join(dir, 'bad.wav');
  const other = join(dir, 'good.wav');
  await writeFile(file, 'bad');
  // As long as the bad one, so that only the hash tells them apart.
  await writeFile(other, 'dab');
  return { list: join(dir, 'quarantine.json'), file, other };
}

describe('Quarantine', () => {
  it('refuses a file after its second crash, for this version of this model only, also after a restart', async () => {
    const { list, file, other } = await setUp();
    const quarantine = await Quarantine.open(list);
    await quarantine.strike('m@1', file);
    await quarantine.check('m@1', file);
    await quarantine.strike('m@1', file);
    for (const current of [quarantine, await Quarantine.open(list)]) {
      await expect(current.check('m@1', file)).rejects.toMatchObject({ code: 'audio_quarantined', param: 'file' });
      await current.check('m@2', file);
      await current.check('m@1', other);
    }
  });

  it('forgets after 24 hours', async () => {
    const { list, file } = await setUp();
    let now = 0;
    const quarantine = await Quarantine.open(list, () => now);
    await quarantine.strike('m@1', file);
    await quarantine.strike('m@1', file);
    now = 24 * 3600 * 1000 - 1;
    await expect(quarantine.check('m@1', file)).rejects.toMatchObject({ code: 'audio_quarantined' });
    now += 1;
    await quarantine.check('m@1', file);
  });
});
