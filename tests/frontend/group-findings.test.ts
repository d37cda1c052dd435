import { expect, test } from 'vitest';
import { groupFindings } from '../../frontend/src/features/overview/group-findings.ts';

const finding = (id: string, summary: string, more = {}) => ({
  id,
  status: 'fail' as const,
  summary,
  fix: 'Install it.',
  detail: null,
  ...more,
});
const ofGpu = (index: number, more = {}) =>
  finding(`inference.gpu${index}`, `GPU ${index} (NVIDIA H200) cannot compute: no GPU 9`, more);
const summaries = (findings: Parameters<typeof groupFindings>[0]) => groupFindings(findings).map((one) => one.summary);

test('what is the same of eight GPUs is said once, at its place', () => {
  const disk = finding('disk.cache', 'The disk is full.');
  const gpus = Array.from({ length: 8 }, (_, index) => ofGpu(index));
  expect(summaries([...gpus, disk])).toEqual(['GPU 0 … 7 (NVIDIA H200) cannot compute: no GPU 9', disk.summary]);
  expect(groupFindings(gpus)[0]).toMatchObject({ id: 'inference.gpu0', fix: 'Install it.' });
});

test('gaps are shown', () => {
  expect(summaries([0, 1, 3, 4, 5, 7].map((index) => ofGpu(index)))).toEqual([
    'GPU 0, 1, 3 … 5, 7 (NVIDIA H200) cannot compute: no GPU 9',
  ]);
  const lost = (index: number, bus: string) => finding(`gpu.lost${index}`, `GPU ${bus} does not answer: lost`);
  expect(summaries([lost(0, '00:0A.0'), lost(1, '00:0B.0')])).toEqual(['GPU 00:0A.0, 00:0B.0 does not answer: lost']);
});

test('another reason, fix or severity stays by itself', () => {
  const all = [
    ofGpu(0),
    ofGpu(1, { fix: 'Wait.' }),
    ofGpu(2, { status: 'warn' }),
    finding('inference.gpu3', 'GPU 3 is slow'),
    finding('gpu.mig', 'MIG is on: GPU 0, 1. No model is placed there.'),
  ];
  expect(groupFindings(all)).toEqual(all);
});
