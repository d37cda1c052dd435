import type { Translation } from '../../lib/i18n/catalogue.ts';
import type en from './messages.en.ts';

const fr: Translation<typeof en> = {
  title: 'GPU',
  driver: 'Pilote {version}',
  readFailed: 'Impossible de lire les GPU.',
  seriesFailed: 'Impossible de lire la dernière heure.',
  failing: 'nvidia-smi ne répond pas comme il le devrait ; ces chiffres sont anciens',
  none: 'Ce serveur n’a pas de GPU.',
  gpusNow: 'GPU en ce moment',
  utilizationHelp:
    'L’utilisation est la part du temps où un noyau de calcul tournait ; ce n’est pas la capacité employée.',
  lastHour: 'Dernière heure',
  lastHourAll: 'Dernière heure, tous les GPU',
  lastHourOf: 'Dernière heure de {gpu}',
  lastHourTable: 'Dernière heure en tableau',
  asTable: 'Afficher en tableau',
  asCharts: 'Afficher en courbes',
  tableHelp: 'En ce moment et, entre parenthèses, le minimum et le maximum de l’heure',
  memory: 'Mémoire',
  utilization: 'Utilisation',
  temperature: 'Température',
  power: 'Puissance',
  time: 'Heure',
  othersName: 'autres programmes',
  others: 'autres programmes {bytes}',
  free: '{bytes} libres',
  whoHolds: 'Qui tient la mémoire',
  proofs: 'Preuves de libération',
  noProofs: 'Aucune réplique ne s’est terminée dans l’heure.',
  events: { one: '{count} événement', other: '{count} événements' },
  loaded: 'Chargé',
  unloaded: 'Déchargé',
  crashed: 'Planté',
  load_failed: 'Échec du chargement',
};
export default fr;
