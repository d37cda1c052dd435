/** A model as operators see it, where a test cares for a few of its fields. */
import type { AdminModel } from '../../backend/src/contract/admin.ts';

const ABSENT: AdminModel['files'] = {
  state: 'absent',
  bytes: 0,
  total_bytes: 0,
  commit: null,
  reason: null,
  download: null,
};

export function adminReplica(fields: Partial<AdminModel['replicas'][number]>): AdminModel['replicas'][number] {
  return {
    id: 'replica#0',
    device: 'cpu',
    state: 'stopped',
    reason: null,
    device_index: null,
    in_flight: 0,
    last_used_at: 0,
    pinned: false,
    expected_bytes: 5e8,
    bytes_are_measured: false,
    peak_bytes: null,
    residue_bytes: null,
    pid: null,
    started_at: null,
    resident_bytes: null,
    crashes_in_a_row: 0,
    ...fields,
  };
}

export function adminModel(fields: Partial<AdminModel> & Pick<AdminModel, 'id'>): AdminModel {
  return {
    object: 'model',
    rev: 0,
    status: 'absent',
    reason: null,
    precision: null,
    precisions: [],
    queued: 0,
    pending: 0,
    placement: null,
    fallback: null,
    task: 'transcription',
    family: 'whisper',
    registered: false,
    repo: `test/${fields.id}`,
    revision: 'main',
    bundled: false,
    repositories: [
      { repo: `test/${fields.id}`, url: `https://hub.test/test/${fields.id}`, gated: null, accessible: null },
    ],
    license: 'MIT',
    license_confirmation: { required: false, confirmed_at: null, confirmed_by: null },
    languages: ['en'],
    published: null,
    memory_estimate_bytes: 5e8,
    load_seconds: null,
    download_bytes: null,
    files: ABSENT,
    replicas: [adminReplica({})],
    ...fields,
  };
}
