import type { Translation } from '../../lib/i18n/catalogue.ts';
import type en from './messages.en.ts';

const fr: Translation<typeof en> = {
  title: 'Audit',
  description:
    'Qui a fait quoi, dans une chaîne où toute modification se voit. Des identifiants, et pour les réglages, limites et placements leur valeur avant et après : ni noms, ni adresses, ni secrets.',
  readFailed: 'Impossible de lire le journal d’audit.',
  readAgain: 'Relire',
  readNote: 'Chaque lecture est elle-même une ligne.',
  news: { one: '{count} nouvelle ligne : relire', other: '{count} nouvelles lignes : relire' },
  noneFiltered: 'Aucune ligne ne correspond à ces filtres.',
  none: 'Le journal d’audit est vide.',
  clear: 'Effacer les filtres',
  search: 'Identifiant de l’objet, ou code d’erreur',
  number: 'N°',
  when: 'Quand',
  who: 'Qui',
  what: 'Quoi',
  subject: 'Sur quoi',
  result: 'Résultat',
  anyAction: 'Toutes les actions',
  anyResult: 'Tous les résultats',
  anyone: 'Tout le monde',
  success: 'Réussite',
  failure: 'Échec',
  intact: { one: 'Chaîne intacte : {count} ligne', other: 'Chaîne intacte : {count} lignes' },
  broken: 'Chaîne rompue à la ligne {row}',
  brokenBody:
    'La ligne {row} ne s’accorde pas avec celles d’avant : le journal a été modifié hors de la passerelle, ou une ligne manque. Comparez avec une copie exportée auparavant.',
  unverified: 'Non vérifiée ici',
  unverifiedBody:
    'Le navigateur ne calcule des empreintes qu’en HTTPS ou sur localhost ; sur le serveur, npm run audit:verify le fait.',
  onlyLast: 'Les {shown} dernières lignes sur {count}',
  hash: 'Empreinte de cette ligne',
  details: 'Empreinte',
  changes: 'Modifications',
  before: 'avant : ',
  after: 'après : ',
};
export default fr;
