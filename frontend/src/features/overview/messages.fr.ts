import type { Translation } from '../../lib/i18n/catalogue.ts';
import type en from './messages.en.ts';

const fr: Translation<typeof en> = {
  title: 'Vue d’ensemble',
  readFailed: 'Impossible de lire la vue d’ensemble.',
  attention: 'À surveiller',
  allWell: 'Rien à signaler.',
  beingExamined: 'Le serveur est examiné pour la première fois.',
  examined: {
    one: 'Afficher {count} constat',
    other: 'Afficher {count} constats',
  },
  failure: 'Échec',
  warning: 'Attention',
  model: 'n’a pas pu être chargé',
  download: 'n’a pas pu être téléchargé',
  fallback: 'tourne sur le processeur',
  mend: 'Réessayer',
  mendOf: 'Réessayer : {id}',
  more: { one: '{count} autre', other: '{count} autres' },
  fewer: 'En montrer moins',
  traffic: 'Trafic',
  requestsPerSecond: 'Requêtes par seconde',
  p95: '95 % des réponses en moins de',
  queue: 'Requêtes en attente',
  errors: 'Erreurs',
  gpus: 'GPU',
  noGpus: 'Ce serveur n’a pas de GPU.',
  jobs: 'Tâches',
  jobCounts: '{running} en cours, {queued} en attente',
  noDatabase: 'Les tâches demandent une base de données, qui ne répond pas.',
  jobsFailed: 'Impossible de lire les tâches.',
  failures: 'Échecs récents',
  noFailures: 'Aucune requête ni tâche n’a échoué.',
  inLog: 'Dans le journal',
};
export default fr;
