/** What `GET /api/admin/doctor` and `npm run doctor --json` tell: one line for each thing examined. */
import { z } from 'zod';

export const doctorStatus = z
  .enum(['ok', 'warn', 'fail'])
  .meta({ description: '`warn`: it works, with less than it could or for a while; `fail`: something does not work' });
export type DoctorStatus = z.infer<typeof doctorStatus>;

export const doctorFinding = z
  .object({
    id: z.string().meta({ description: 'What was examined, such as `ffmpeg` or `inference.gpu0`; the same each time' }),
    status: doctorStatus,
    summary: z.string(),
    fix: z.string().nullable().meta({ description: 'What mends it, where there is something to mend' }),
    detail: z.string().nullable().meta({ description: 'More lines, in the words of whoever said them' }),
  })
  .meta({ id: 'DoctorFinding' });
export type DoctorFinding = z.infer<typeof doctorFinding>;

export const doctorReport = z
  .object({
    object: z.literal('doctor.report'),
    status: doctorStatus.meta({ description: 'The worst of its findings' }),
    examined_at: z.int().meta({ description: 'Unix seconds' }),
    seconds: z.number().meta({ description: 'How long it took' }),
    data: z.array(doctorFinding),
  })
  .meta({ id: 'DoctorReport' });
export type DoctorReport = z.infer<typeof doctorReport>;
