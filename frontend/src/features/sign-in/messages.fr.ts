import type { Translation } from '../../lib/i18n/catalogue.ts';
import type en from './messages.en.ts';

const fr: Translation<typeof en> = {
  title: 'Connexion',
  again: 'Reconnexion',
  key: 'Clé d’API',
  keyHint: 'Une clé d’administration ouvre tout, une clé d’utilisation les essais et ses propres tâches.',
  showKey: 'Montrer la clé',
  keepIn: 'Garder la clé',
  keepMemory: 'jusqu’au rechargement de la page',
  keepTab: 'jusqu’à la fermeture de l’onglet',
  signIn: 'Se connecter',
  signingIn: 'Connexion…',
  failed: 'La connexion a échoué.',
  notAccepted: 'Cette clé n’est pas acceptée.',
  notSendable: 'Une clé se compose de lettres, de chiffres et de signes, sans espace ni accent.',
  signedOut: 'Déconnecté ; la clé est oubliée.',
  notLoaded: 'La page n’a pas pu être chargée.',
  loadAgain: 'La charger de nouveau',
};
export default fr;
