import type { Translation } from '../../lib/i18n/catalogue.ts';
import type en from './messages.en.ts';

const fr: Translation<typeof en> = {
  dropHere: 'Déposez ici un fichier audio ou vidéo',
  chooseFile: 'Choisir un fichier',
  audioFile: 'Fichier audio',
  play: 'Lire',
  pause: 'Pause',
  back: { one: 'Reculer de {count} seconde', other: 'Reculer de {count} secondes' },
  forward: { one: 'Avancer de {count} seconde', other: 'Avancer de {count} secondes' },
  place: '{time} sur {total}',
  placeInRecording: 'Position dans l’enregistrement',
  cannotPlay: 'Cet enregistrement ne peut pas être lu ici',
  cannotPlayFix:
    'Le navigateur ne connaît pas son format, ou il n’est plus sur le serveur. Le résultat n’en est pas affecté.',
};
export default fr;
