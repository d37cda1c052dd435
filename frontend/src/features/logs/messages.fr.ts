import type { Translation } from '../../lib/i18n/catalogue.ts';
import type en from './messages.en.ts';

const fr: Translation<typeof en> = {
  title: 'Journaux',
  readFailed: 'Impossible de lire le journal.',
  none: 'Le journal n’a encore aucune ligne.',
  noneFiltered: 'Aucune ligne ne correspond à ces filtres. Les nouvelles apparaîtront ici.',
  clear: 'Effacer les filtres',
  search: 'Texte n’importe où dans une ligne',
  request: 'Identifiant de requête',
  level: 'Niveau',
  anyLevel: 'Tous les niveaux',
  error: 'Erreur',
  warn: 'Avertissement',
  info: 'Information',
  debug: 'Débogage',
  orWorse: '{level} ou pire',
  text: 'Texte',
  lines: 'Lignes du journal',
  following: 'Suivi en cours',
  paused: 'En pause : vous avez défilé',
  waiting: 'Pas de connexion : les nouvelles lignes n’arrivent pas',
  newLines: { one: '{count} nouvelle ligne', other: '{count} nouvelles lignes' },
  follow: 'Suivre',
  pause: 'Pause',
  onlyRequest: 'Seulement la requête {id}',
  older: 'Chargement de lignes plus anciennes…',
  count: { one: '{count} ligne', other: '{count} lignes' },
};
export default fr;
