/** Every day of a usage report, those without use too. */
export interface DayOfUse {
  /** `YYYY-MM-DD`, UTC. */
  day: string;
  seconds: number;
  requests: number;
}

interface Report {
  from: string;
  to: string;
  data: readonly { name: string | null; audio_seconds: number; requests: number }[];
}

const DAY_MS = 86_400_000;

export function usageDays({ from, to, data }: Report): DayOfUse[] {
  const used = new Map(data.map((each) => [each.name, each]));
  const days: DayOfUse[] = [];
  for (let time = Date.parse(from); time <= Date.parse(to); time += DAY_MS) {
    const day = dayOf(time);
    const { audio_seconds: seconds = 0, requests = 0 } = used.get(day) ?? {};
    days.push({ day, seconds, requests });
  }
  return days;
}

/** The first of so many days that end today. @param now ms */
export function firstDay(days: number, now: number): string {
  return dayOf(now - (days - 1) * DAY_MS);
}

/** Of the calendar day or month in UTC that holds `day`: when the next begins, Unix seconds. */
export function startOfNext(span: 'day' | 'month', day: string): number {
  const date = new Date(`${day}T00:00:00Z`);
  if (span === 'day') date.setUTCDate(date.getUTCDate() + 1);
  else date.setUTCMonth(date.getUTCMonth() + 1, 1);
  return date.getTime() / 1000;
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
