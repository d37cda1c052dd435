/** `/api/admin/settings`: what operators may set otherwise than the environment while the gateway runs. */
import { z } from 'zod';

const aliases = z.record(
  z.string().regex(/^[^=,\s]{1,200}$/, 'must be a name without blanks, = and ,'),
  z.string().max(200),
);
const preload = z.union([z.literal('present'), z.array(z.string().max(200)).max(100)]);
const jobDays = z.int().min(1).max(36_500);
const uploadHours = z.int().min(0).max(876_000);

const setting = <T extends z.ZodType>(value: T) =>
  z.object({ value, default: value.meta({ description: "The environment's" }), overridden: z.boolean() });

export const settings = z
  .object({
    object: z.literal('settings'),
    aliases: setting(aliases),
    preload_models: setting(preload),
    job_retention_days: setting(jobDays),
    upload_retention_hours: setting(uploadHours),
  })
  .meta({ id: 'Settings' });
export type Settings = z.infer<typeof settings>;

export const updateSettingsRequest = z
  .strictObject({
    aliases: aliases.nullable().optional().meta({ description: 'All of them: alias → id of a model, or `auto`' }),
    preload_models: preload
      .nullable()
      .optional()
      .meta({ description: 'Kept loaded, now and at later starts; `present`: every model that was downloaded' }),
    job_retention_days: jobDays.nullable().optional(),
    upload_retention_hours: uploadHours.nullable().optional(),
  })
  .meta({ id: 'UpdateSettingsRequest', description: 'What is left out stays as it is; null: as the environment says' });
export type UpdateSettingsRequest = z.infer<typeof updateSettingsRequest>;

/** As they are stored: what is not set is left out. */
export const storedSettings = z.object({
  aliases: aliases.optional(),
  preload_models: preload.optional(),
  job_retention_days: jobDays.optional(),
  upload_retention_hours: uploadHours.optional(),
});

export interface SettingValues {
  aliases: Record<string, string>;
  preload_models: 'present' | string[];
  job_retention_days: number;
  upload_retention_hours: number;
}
