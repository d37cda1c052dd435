/** What every family in the list must satisfy; a new one is picked up from there. */
import { describe, expect, it } from 'vitest';
import whisper from '../../backend/src/models/whisper/definition.ts';
import { Catalog } from '../../backend/src/registry/catalog.ts';
import { families as fake } from '../support/fake-models/index.ts';

describe.each(fake)('family $family', (family) => {
  it('brings a pipeline with load()', async () => {
    expect((await family.pipeline()).load).toBeTypeOf('function');
  });

  it.each(family.models)('$id declares what the gateway needs', (model) => {
    expect(model.id).toMatch(/^[a-z0-9][\w./-]*$/);
    expect(model.concurrency).toBeGreaterThanOrEqual(1);
    expect(model.memory.estimateBytes).toBeGreaterThan(0);
    expect(model.license).not.toBe('');
    expect(model.languages.every((code) => /^[a-z]{2,3}$/.test(code))).toBe(true);
    if (model.published !== undefined) expect(Date.parse(model.published)).not.toBeNaN();
    for (const { repo, revision, files } of [model, ...Object.values(model.auxiliary ?? {})]) {
      expect(repo).toMatch(/^[\w.-]+\/[\w.-]+$/);
      expect(revision).not.toBe('');
      expect(files.length).toBeGreaterThan(0);
      expect(files.filter((file) => file.startsWith('/') || file.split('/').includes('..'))).toEqual([]);
    }
  });

  it('is plain data but for what it imports: it crosses into the worker', () => {
    const { pipeline: _pipeline, registrar: _registrar, ...data } = family;
    expect(structuredClone(data)).toEqual(data);
  });
});

describe('Catalog', () => {
  it('finds a model by id and by alias', () => {
    const catalog = new Catalog(fake, { 'whisper-1': 'fake/echo' });
    expect(catalog.idOf('whisper-1')).toBe('fake/echo');
    expect(catalog.idOf('fake/echo')).toBe('fake/echo');
    expect(catalog.idOf('constructor')).toBeUndefined();
  });

  it('takes auto for the target of an alias, and for no name of a model', () => {
    const catalog = new Catalog(fake, { 'whisper-1': 'auto' });
    expect(catalog.idOf('whisper-1')).toBe('auto');
    expect(catalog.idOf('auto')).toBeUndefined();
    expect(new Catalog(fake, { auto: 'auto' }).idOf('auto')).toBe('auto');
  });

  it('refuses two models of one id, and aliases that lead nowhere or hide a model', () => {
    expect(() => new Catalog([...fake, ...fake], {})).toThrow(/two models have the id/);
    expect(() => new Catalog(fake, { x: 'no-such' })).toThrow(/no model/);
    expect(() => new Catalog(fake, { 'fake/echo': 'fake/echo' })).toThrow(/is the id of a model/);
  });

  it('refuses precisions of no model, of models without a choice, and that a model does not have', () => {
    expect(
      new Catalog([whisper], {}, { 'whisper-tiny': 'q8' }).entries.find(
        ({ definition }) => definition.id === 'whisper-tiny',
      )?.dtype,
    ).toBe('q8');
    expect(new Catalog([whisper], {}).entries.filter(({ dtype }) => dtype !== undefined)).toEqual([]);
    expect(() => new Catalog([whisper], {}, { 'no-such': 'q8' })).toThrow(/MODEL_DTYPES: "no-such" is no model/);
    expect(() => new Catalog(fake, {}, { 'fake/echo': 'q8' })).toThrow(/one dtype alone/);
    expect(() => new Catalog([whisper], {}, { 'whisper-tiny': 'int4' })).toThrow(/"int4"; it has fp32, .*fp16\/q8/);
    expect(() => new Catalog([whisper], {}, { 'whisper-tiny': 'toString' })).toThrow(/no dtype/);
  });
});
