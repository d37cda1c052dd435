/**
 * The languages Whisper names: code, English name and other codes. Names and order are those of openai/whisper's
 * `tokenizer.py` (large-v3). Codes are ISO 639-1, or 639-3 where there is none, except Whisper's `jw` for Javanese
 * (`jv`), which its vocabulary spells so.
 */

/** Code, name, further codes of the same language: ISO 639-3, 639-2/B, deprecated 639-1. */
const LANGUAGES: readonly (readonly [code: string, name: string, others: string])[] = [
  ['en', 'english', 'eng'],
  ['zh', 'chinese', 'zho chi cmn'],
  ['de', 'german', 'deu ger'],
  ['es', 'spanish', 'spa'],
  ['ru', 'russian', 'rus'],
  ['ko', 'korean', 'kor'],
  ['fr', 'french', 'fra fre'],
  ['ja', 'japanese', 'jpn'],
  ['pt', 'portuguese', 'por'],
  ['tr', 'turkish', 'tur'],
  ['pl', 'polish', 'pol'],
  ['ca', 'catalan', 'cat'],
  ['nl', 'dutch', 'nld dut'],
  ['ar', 'arabic', 'ara arb'],
  ['sv', 'swedish', 'swe'],
  ['it', 'italian', 'ita'],
  ['id', 'indonesian', 'ind in'],
  ['hi', 'hindi', 'hin'],
  ['fi', 'finnish', 'fin'],
  ['vi', 'vietnamese', 'vie'],
  ['he', 'hebrew', 'heb iw'],
  ['uk', 'ukrainian', 'ukr'],
  ['el', 'greek', 'ell gre'],
  ['ms', 'malay', 'msa may zsm'],
  ['cs', 'czech', 'ces cze'],
  ['ro', 'romanian', 'ron rum mo'],
  ['da', 'danish', 'dan'],
  ['hu', 'hungarian', 'hun'],
  ['ta', 'tamil', 'tam'],
  ['no', 'norwegian', 'nor nb nob'],
  ['th', 'thai', 'tha'],
  ['ur', 'urdu', 'urd'],
  ['hr', 'croatian', 'hrv'],
  ['bg', 'bulgarian', 'bul'],
  ['lt', 'lithuanian', 'lit'],
  ['la', 'latin', 'lat'],
  ['mi', 'maori', 'mri mao'],
  ['ml', 'malayalam', 'mal'],
  ['cy', 'welsh', 'cym wel'],
  ['sk', 'slovak', 'slk slo'],
  ['te', 'telugu', 'tel'],
  ['fa', 'persian', 'fas per pes'],
  ['lv', 'latvian', 'lav lvs'],
  ['bn', 'bengali', 'ben'],
  ['sr', 'serbian', 'srp'],
  ['az', 'azerbaijani', 'aze azj'],
  ['sl', 'slovenian', 'slv'],
  ['kn', 'kannada', 'kan'],
  ['et', 'estonian', 'est ekk'],
  ['mk', 'macedonian', 'mkd mac'],
  ['br', 'breton', 'bre'],
  ['eu', 'basque', 'eus baq'],
  ['is', 'icelandic', 'isl ice'],
  ['hy', 'armenian', 'hye arm'],
  ['ne', 'nepali', 'nep npi'],
  ['mn', 'mongolian', 'mon khk'],
  ['bs', 'bosnian', 'bos'],
  ['kk', 'kazakh', 'kaz'],
  ['sq', 'albanian', 'sqi alb'],
  ['sw', 'swahili', 'swa swh'],
  ['gl', 'galician', 'glg'],
  ['mr', 'marathi', 'mar'],
  ['pa', 'punjabi', 'pan'],
  ['si', 'sinhala', 'sin'],
  ['km', 'khmer', 'khm'],
  ['sn', 'shona', 'sna'],
  ['yo', 'yoruba', 'yor'],
  ['so', 'somali', 'som'],
  ['af', 'afrikaans', 'afr'],
  ['oc', 'occitan', 'oci'],
  ['ka', 'georgian', 'kat geo'],
  ['be', 'belarusian', 'bel'],
  ['tg', 'tajik', 'tgk'],
  ['sd', 'sindhi', 'snd'],
  ['gu', 'gujarati', 'guj'],
  ['am', 'amharic', 'amh'],
  ['yi', 'yiddish', 'yid ydd ji'],
  ['lo', 'lao', 'lao'],
  ['uz', 'uzbek', 'uzb uzn'],
  ['fo', 'faroese', 'fao'],
  ['ht', 'haitian creole', 'hat'],
  ['ps', 'pashto', 'pus pbt'],
  ['tk', 'turkmen', 'tuk'],
  ['nn', 'nynorsk', 'nno'],
  ['mt', 'maltese', 'mlt'],
  ['sa', 'sanskrit', 'san'],
  ['lb', 'luxembourgish', 'ltz'],
  ['my', 'myanmar', 'mya bur'],
  ['bo', 'tibetan', 'bod tib'],
  ['tl', 'tagalog', 'tgl fil'],
  ['mg', 'malagasy', 'mlg plt'],
  ['as', 'assamese', 'asm'],
  ['tt', 'tatar', 'tat'],
  ['haw', 'hawaiian', ''],
  ['ln', 'lingala', 'lin'],
  ['ha', 'hausa', 'hau'],
  ['ba', 'bashkir', 'bak'],
  ['jw', 'javanese', 'jav jv'],
  ['su', 'sundanese', 'sun'],
  ['yue', 'cantonese', ''],
];

/** Further names, as Whisper accepts them, and native usage. */
const NAME_ALIASES: Readonly<Record<string, string>> = {
  bangla: 'bn',
  burmese: 'my',
  castilian: 'es',
  farsi: 'fa',
  filipino: 'tl',
  flemish: 'nl',
  haitian: 'ht',
  letzeburgesch: 'lb',
  mandarin: 'zh',
  moldavian: 'ro',
  moldovan: 'ro',
  panjabi: 'pa',
  pushto: 'ps',
  sinhalese: 'si',
  valencian: 'ca',
};

const NAME_BY_CODE = new Map(LANGUAGES.map(([code, name]) => [code, name]));

const CODE_BY_ANYTHING = new Map<string, string>([
  ...Object.entries(NAME_ALIASES),
  ...LANGUAGES.flatMap(([code, name, others]) => [code, name, ...others.split(' ')].map((key) => [key, code] as const)),
]);
CODE_BY_ANYTHING.delete(''); // rows without other codes

/** All codes, in Whisper's order. */
export const LANGUAGE_CODES: readonly string[] = LANGUAGES.map(([code]) => code);

/** `en` → `english`, the form `verbose_json` reports; undefined for a code Whisper has no name for. */
export function languageName(code: string): string | undefined {
  return NAME_BY_CODE.get(code);
}

/**
 * What callers write → a code of the table: a code of either length, a tag with a region or script (`en-US`, `zh_cn`),
 * an English name or an alias, in any case. Undefined when it names no language here.
 */
export function parseLanguage(input: string): string | undefined {
  const wanted = input.trim().toLowerCase();
  const whole = CODE_BY_ANYTHING.get(wanted);
  if (whole !== undefined) return whole;
  const [language, extended] = /^([a-z]{2,3})(?:[-_]([a-z0-9]{2,8}))+$/.test(wanted) ? wanted.split(/[-_]/) : [];
  // `zh-yue`: the second part names the language where it is a three-letter language code.
  if (language === 'zh' && (extended === 'yue' || extended === 'cmn')) return CODE_BY_ANYTHING.get(extended);
  return language === undefined ? undefined : CODE_BY_ANYTHING.get(language);
}
