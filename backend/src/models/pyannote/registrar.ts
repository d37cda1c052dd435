/** Repositories with a speaker embedding graph that an operator adds; with a segmentation of their own, or pyannote's. */
import { z } from 'zod';
import type { Registrar } from '../define-model.ts';
import { commonSettings, estimateBytes, readSettings, requireFiles } from '../registration.ts';
import { pyannote } from './definition.ts';

const given = z.strictObject({
  ...commonSettings,
  embedding: z.string().optional(),
  /** Left out: pyannote's, from its repository. */
  segmentation: z.string().optional(),
  /** With both, speakers are found by VBx; without, by the distance of centroids. */
  plda: z.string().optional(),
  xvec_transform: z.string().optional(),
  /** Distance of unit vectors. */
  threshold: z.number().positive().max(2).optional(),
});

const completed = given.required({ embedding: true, estimate_bytes: true });

/** Where embedding graphs lie in the repositories that are known. */
const EMBEDDINGS = ['onnx/model.onnx', 'wespeaker_resnet34_lm.onnx', 'voxceleb_resnet34_LM.onnx', 'model.onnx'];
const PLDA = 'plda.npz';
const XVEC_TRANSFORM = 'xvec_transform.npz';

export const complete: Registrar['complete'] = (registration, listed) => {
  const settings = readSettings(registration, given);
  const files = new Map(listed.map(({ path, size }) => [path, size]));
  const embedding = settings.embedding ?? EMBEDDINGS.find((path) => files.has(path)) ?? 'onnx/model.onnx';
  const hasPlda = files.has(settings.plda ?? PLDA) && files.has(settings.xvec_transform ?? XVEC_TRANSFORM);
  const asked = settings.plda !== undefined || settings.xvec_transform !== undefined;
  const weights =
    hasPlda || asked ? { plda: settings.plda ?? PLDA, xvec_transform: settings.xvec_transform ?? XVEC_TRANSFORM } : {};
  const own = settings.segmentation === undefined ? [] : [settings.segmentation];
  const all = [embedding, ...own, ...Object.values(weights)];
  requireFiles(registration, files, all);
  return {
    ...settings,
    ...weights,
    embedding,
    estimate_bytes: settings.estimate_bytes ?? estimateBytes(files, all),
  };
};

export const define: Registrar['define'] = (registration) => {
  const { id, repo, revision } = registration;
  const {
    license,
    embedding,
    segmentation,
    plda,
    xvec_transform: xvecTransform,
    threshold,
    estimate_bytes,
  } = readSettings(registration, completed);
  return pyannote({
    id,
    repo,
    revision,
    license,
    estimateBytes: estimate_bytes,
    settings: {
      embedding,
      ...(segmentation === undefined ? {} : { segmentation }),
      clustering: {
        ...(plda === undefined || xvecTransform === undefined
          ? { method: 'centroid' }
          : { method: 'vbx', plda, xvecTransform }),
        ...(threshold === undefined ? {} : { threshold }),
      },
    },
  });
};
