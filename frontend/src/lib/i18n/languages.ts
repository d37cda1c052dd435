export type Language = 'en' | 'fr';

/** As each calls itself. */
export const LANGUAGES: Record<Language, string> = { en: 'English', fr: 'Français' };
