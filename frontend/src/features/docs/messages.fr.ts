import type { Translation } from '../../lib/i18n/catalogue.ts';
import type en from './messages.en.ts';

const fr: Translation<typeof en> = {
  title: 'Documentation de l’API',
  readFailed: 'Impossible de lire la description de l’API.',
  search: 'Chemin, résumé ou nom',
  filter: 'Texte',
  none: 'Aucune opération ne contient tous ces mots.',
  clear: 'Effacer la recherche',
  count: { one: '{count} opération', other: '{count} opérations' },
  version: 'Version {version}',
  document: 'Le document lui-même',
  needsKey: 'Demande une clé',
  open: 'Sans clé',
  parameters: 'Paramètres',
  body: 'Corps de la requête',
  responses: 'Réponses',
  errors: 'Erreurs',
  required: 'obligatoire',
  defaultValue: 'par défaut {value}',
  least: 'au moins {value}',
  most: 'au plus {value}',
  longest: 'au plus {value} caractères',
  example: 'Avec curl',
  members: 'Membres de {name}',
  errorForm: 'Toutes ont la forme de celles d’OpenAI : error.message, error.type, error.param, error.code.',
};
export default fr;
