/** Composition root: builds everything once, in order, and closes it in reverse. */
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { measureAudio } from './audio/measure.ts';
import { probeAudio } from './audio/probe.ts';
import { wavLength } from './audio/wav-header.ts';
import type { Config } from './config.ts';
import type { AdminModel } from './contract/admin.ts';
import { HISTORY_SECONDS } from './contract/gpus.ts';
import { ANONYMOUS } from './contract/keys.ts';
import { allChecks } from './doctor/checks/all.ts';
import { Doctor } from './doctor/doctor.ts';
import { GatewayError } from './errors.ts';
import { requireFreeSpace } from './free-space.ts';
import { GpuDetails } from './gpu/detail.ts';
import { spansUntil } from './gpu/gpu-history.ts';
import { HostMonitor } from './gpu/host.ts';
import { GpuMonitor } from './gpu/monitor.ts';
import { NvidiaSmi } from './gpu/nvidia-smi.ts';
import { gpuSeries, ReplicaTimeline } from './gpu/replica-timeline.ts';
import { AdminFeed } from './http/admin/admin-feed.ts';
import { adminAuditRoute } from './http/admin/audit.ts';
import type { AuditEvent } from './http/admin/audited.ts';
import { adminDoctorRoute } from './http/admin/doctor.ts';
import { adminEventsRoute } from './http/admin/events.ts';
import { followChanges } from './http/admin/follow-changes.ts';
import { followModels } from './http/admin/follow-models.ts';
import { gdprRoutes } from './http/admin/gdpr.ts';
import { adminGpusRoutes } from './http/admin/gpus.ts';
import { adminHostRoute } from './http/admin/host.ts';
import { hubTokenRoutes } from './http/admin/hub-token.ts';
import { adminJobRoutes } from './http/admin/jobs.ts';
import { adminKeysRoutes } from './http/admin/keys.ts';
import { adminLogsRoute } from './http/admin/logs.ts';
import { modelAdminRoutes } from './http/admin/model-admin.ts';
import { adminModelsRoute } from './http/admin/models.ts';
import { adminOverviewRoute } from './http/admin/overview.ts';
import { placementRoutes } from './http/admin/placement.ts';
import { adminSettingsRoutes } from './http/admin/settings.ts';
import { adminUsageRoute } from './http/admin/usage.ts';
import { adminWebhookRoutes } from './http/admin/webhooks.ts';
import { evaluationRoute } from './http/audio/evaluations.ts';
import { karaokeAnswer } from './http/audio/karaoke-response.ts';
import { separationAnswer } from './http/audio/separation-response.ts';
import { separationRoute } from './http/audio/separations.ts';
import { speakerRoutes } from './http/audio/speakers.ts';
import { jobActionRoutes } from './http/jobs/job-actions.ts';
import { jobFileRoutes } from './http/jobs/job-artifacts.ts';
import { jobEventsRoute } from './http/jobs/job-events.ts';
import { jobPeaksRoute } from './http/jobs/job-peaks.ts';
import { jobRoutes } from './http/jobs/jobs.ts';
import { ownKeyRoute } from './http/keys/own-key.ts';
import { diarizationRoute } from './http/openai/diarizations.ts';
import { knownVoices } from './http/openai/known-voices.ts';
import { modelRoutes } from './http/openai/models.ts';
import { transcriptionRoutes } from './http/openai/transcriptions.ts';
import { translationRoute } from './http/openai/translations.ts';
import { describeHealth, healthRoutes } from './http/ops/health.ts';
import { metricsRoute } from './http/ops/metrics.ts';
import { ownerOf } from './http/owner.ts';
import { createHttpServer } from './http/server.ts';
import { Spool } from './http/spool.ts';
import { createUploadReceiver } from './http/upload.ts';
import { webhookDeliveryRoutes } from './http/webhooks/deliveries.ts';
import { webhookSecretRoutes } from './http/webhooks/secrets.ts';
import { createBundledModels } from './hub/bundled-snapshot.ts';
import { deleteSnapshot } from './hub/delete-snapshot.ts';
import { freeBytes } from './hub/disk.ts';
import { downloadSnapshot } from './hub/download.ts';
import { examineRepository } from './hub/examine-repository.ts';
import { type HeardOfRepository, KnownRepositories } from './hub/known-repositories.ts';
import { listRepository } from './hub/list-repository.ts';
import { findSnapshot } from './hub/snapshot.ts';
import { readToken } from './hub/token.ts';
import { tellChange } from './jobs/admin-changes.ts';
import { auditJobs } from './jobs/audit-jobs.ts';
import { Erasure } from './jobs/erasure.ts';
import { createFindStage } from './jobs/find-stage.ts';
import { createGdprService } from './jobs/gdpr.ts';
import { publicJobId } from './jobs/job-id.ts';
import { openJobs } from './jobs/job-system.ts';
import { meterJobs } from './jobs/meter-jobs.ts';
import { Retention } from './jobs/retention.ts';
import { openWebhooks } from './jobs/webhook-system.ts';
import { createLogger, type LogFields, type Logger, type RootLogger } from './logger.ts';
import type { RepoFiles } from './models/define-model.ts';
import { DEFAULT_MODEL_LIST, loadModelList } from './models/load-model-list.ts';
import { LogRing } from './observability/log-ring.ts';
import { Metrics } from './observability/metrics.ts';
import { Traffic } from './observability/traffic.ts';
import { type AddressGuard, createAddressGuard, parseOutboundUrl } from './outbound/address-guard.ts';
import { type FetchedFile, fetchToFile } from './outbound/fetch-to-file.ts';
import { Catalog } from './registry/catalog.ts';
import { Devices } from './registry/devices.ts';
import type { ModelHub } from './registry/model-files.ts';
import { neededRepos } from './registry/needed-repos.ts';
import { Quarantine } from './registry/quarantine.ts';
import { ModelRegistry } from './registry/registry.ts';
import { AudioJobs } from './services/audio-jobs.ts';
import { countTranscription } from './services/counted-transcription.ts';
import { createDiarizationService } from './services/diarization.ts';
import { createDiarizationJob } from './services/diarization-job.ts';
import { diarizationWork } from './services/diarization-work.ts';
import { createEvaluator } from './services/evaluation.ts';
import { createHubToken } from './services/hub-token.ts';
import { lookUpSpeakers } from './services/known-speakers.ts';
import { meteredHearing } from './services/metered-hearing.ts';
import { createMeteredTranscription } from './services/metered-transcription.ts';
import { createMetering } from './services/metering.ts';
import { createModelAdmin, defineRegistered } from './services/model-admin.ts';
import { createPlacement } from './services/placement.ts';
import { createPreflight } from './services/preflight.ts';
import { createReadiness } from './services/readiness.ts';
import { createSeparationService } from './services/separation.ts';
import { createSeparationJob } from './services/separation-job.ts';
import { separationWork } from './services/separation-work.ts';
import { OperatorSettings } from './services/settings.ts';
import { createTranscriptionService } from './services/transcription.ts';
import { createTranscriptionJob } from './services/transcription-job.ts';
import { transcriptionWork } from './services/transcription-work.ts';
import { Waveforms } from './services/waveforms.ts';
import { appendAudit, exportAudit } from './store/audit.ts';
import { CHANGE_CHANNEL } from './store/changes.ts';
import { type Database, openDatabase } from './store/database.ts';
import { ErasureStore } from './store/erasure.ts';
import { journalPath } from './store/erasure-journal.ts';
import { examineDatabase } from './store/examine-database.ts';
import { FootprintStore } from './store/footprints.ts';
import { type JobRow, JobStore } from './store/jobs.ts';
import { KeyRecords } from './store/key-records.ts';
import { webhookUrlOf } from './store/key-rows.ts';
import { openKeys } from './store/keys.ts';
import { LicenseConfirmationStore } from './store/license-confirmations.ts';
import { Notifications } from './store/notifications.ts';
import { PreferenceStore } from './store/preferences.ts';
import { RegisteredModelStore } from './store/registered-models.ts';
import { readRequestRate, takeRequest } from './store/request-rates.ts';
import { RetentionStore } from './store/retention.ts';
import { SettingStore } from './store/settings.ts';
import { SpeakerStore } from './store/speakers.ts';
import { TicketStore } from './store/tickets.ts';
import { RequestClaims, readUsage, readUsageTotals } from './store/usage.ts';
import { cudaProviderMissing } from './worker/cuda-provider.ts';

export interface AppOptions {
  config: Config;
  /** Module that exports the model families; default: the project's own. */
  modelListUrl?: string;
  /** Log to the console too. */
  console: boolean;
}

export interface App {
  url: string;
  /** Where the first start wrote the admin key it made; undefined when keys existed. */
  createdAdminKey: { key: string; path: string } | undefined;
  registry: ModelRegistry;
  log: Logger;
  /** Stops listening, lets requests finish, stops workers, removes temporary files. */
  close(): Promise<void>;
}

/** How long a slow reader may take for an answer that is written already when the server stops. */
const LAST_ANSWERS_MS = 500;
/** A server that sends nothing for so long is asked again. */
const URL_STALL_MS = 30_000;
/** Without persistence mode, each run of nvidia-smi first wakes every GPU, a second or so each. */
const GPU_TIMEOUT_MS = 15_000;
/** How long a deletion waits for somebody who writes down what a branch means. */
const LOCK_WAIT_MS = 10_000;
const DISK_CHECK_INTERVAL_BYTES = 16 * 2 ** 20;

export async function startApp({ config, modelListUrl = DEFAULT_MODEL_LIST, console }: AppOptions): Promise<App> {
  const version = await readVersion();
  const token = await readToken({ env: config.hub.token, cacheDir: config.modelCacheDir });
  const logRing = new LogRing();
  const log = createLogger({
    ...config.log,
    console,
    onLine: (level, json, requestId) => logRing.add(level, json, requestId),
    secrets: [
      ...config.apiKeys,
      ...config.adminApiKeys,
      ...(config.metricsToken === undefined ? [] : [config.metricsToken]),
      ...(token === undefined ? [] : [token]),
      ...databaseSecrets(config.databaseUrl),
    ],
  });
  const database = await openDatabase({ dataDir: config.dataDir, databaseUrl: config.databaseUrl, log });
  log.info('database', { uses: database.description });
  try {
    return await startOn(database, { config, modelListUrl, log, logRing, version });
  } catch (error) {
    await database.close();
    throw error;
  }
}

interface Foundation {
  config: Config;
  modelListUrl: string;
  log: RootLogger;
  logRing: LogRing;
  version: string;
}

async function startOn(database: Database, { config, modelListUrl, log, logRing, version }: Foundation): Promise<App> {
  const { db } = database;
  const { keys, created } = await openKeys({ db, ...config });
  const audit = {
    append: async (event: AuditEvent) => {
      await db.transaction().execute((transaction) => appendAudit(transaction, event));
    },
    rows: () => exportAudit(db),
  };
  const spool = await Spool.open(join(config.dataDir, 'uploads'));
  const quarantine = await Quarantine.open(join(config.dataDir, 'quarantine.json'));
  const tools = { ffmpegPath: config.audio.ffmpegPath, ffprobePath: config.audio.ffprobePath };
  const gpus = openGpus(config, log);
  const host = new HostMonitor({
    folders: { data: config.dataDir, models: config.modelCacheDir, logs: config.log.dir },
    environment: config.childEnvironment,
    log,
  });
  const devices = new Devices({
    gpus: gpus.monitor,
    cudaMissing: cudaProviderMissing(config.models.cudaProviderLibrary),
  });
  // Where models go depends on it; a machine without GPUs says so at once.
  await gpus.monitor.sampleNow(new AbortController().signal).catch(() => {});
  const families = await loadModelList(modelListUrl);
  const registeredModels = new RegisteredModelStore(db);
  const registered = await defineRegistered(await registeredModels.read(), families, log);
  const catalog = new Catalog(families, config.models.aliases, config.models.dtypes, registered);
  const repositories = new KnownRepositories((repo) => registry.noteRepository(repo));
  const registry: ModelRegistry = new ModelRegistry({
    devices,
    footprints: new FootprintStore(db),
    preferences: new PreferenceStore(db),
    licenses: new LicenseConfirmationStore(db),
    allowCpuFallback: config.models.allowCpuFallback,
    loadTimeoutMs: config.models.loadTimeoutSeconds * 1000,
    hungAfterMs: config.models.hungSeconds * 1000,
    memoryMarginBytes: config.models.memoryMarginBytes,
    onResidue: ({ replica, device, bytes }) => {
      const event = { actor: 'system', action: 'gpu.residue', subject: `${replica} ${device}`, size: bytes };
      audit.append({ ...event, result: 'failure' }).catch((error: unknown) => {
        log.error('a residue could not be noted', { reason: String(error) });
      });
    },
    catalog,
    hub: createHub(config, log, repositories),
    quarantine,
    log,
    modelListUrl,
    workerEnvironment: config.childEnvironment,
    tools,
    autoDownload: config.models.autoDownload,
    coldStartWaitMs: config.models.coldStartWaitSeconds * 1000,
    idleTimeoutMs: config.models.idleTimeoutSeconds * 1000,
    requestTimeoutMs: config.models.requestTimeoutSeconds * 1000,
    maxQueuePerReplica: config.models.maxQueuePerReplica,
    threadsPerReplica: config.models.cpuThreadsPerReplica,
    cores: config.models.cores,
  });
  const metrics = new Metrics({
    version,
    models: () => registry.list(),
    gpus: () => gpus.monitor.current(),
    accounted: () => accounted(registry.list()),
    residue: () => residue(registry.list()),
    countUnfinishedJobs: () => new JobStore(db).countUnfinishedByStatus(),
    pingDatabase: database.ping,
  });
  registry.onChange((model) => metrics.modelChanged(model));
  const traffic = new Traffic();
  registry.onChange((model) => traffic.modelChanged(model));
  const timeline = new ReplicaTimeline();
  registry.onChange((model) => timeline.noteModel(model, Date.now() / 1000));
  gpus.monitor.subscribe(() => timeline.noteHeld(registry.list(), Date.now() / 1000));
  const feed = new AdminFeed();
  followModels(feed, registry, gpus.monitor);
  logRing.subscribe((read) => {
    if (!feed.wantsLogs) return;
    const line = read();
    feed.publish('log', { type: 'log.line', rev: line.seq, line });
  });
  const doctor = new Doctor(() =>
    allChecks({
      settings: config,
      readToken: () => readToken({ env: config.hub.token, cacheDir: config.modelCacheDir }),
      repositories: neededRepos(catalog),
      readGpus: gpus.read,
      wantedDevices: () => registry.list().flatMap(({ replicas }) => replicas.map(({ device }) => device)),
      examineDatabase: async () => ({ ...(await examineDatabase(db)), description: database.description }),
    }),
  );
  const settings = new OperatorSettings({
    defaults: {
      aliases: config.models.aliases,
      preload_models: config.models.preload ?? (config.models.lazy ? [] : 'present'),
      job_retention_days: config.retention.jobDays,
      upload_retention_hours: config.retention.uploadHours,
    },
    store: new SettingStore(db),
    catalog,
    registry,
    log,
  });
  await settings.open();
  await registry.open();
  registry.preload(settings.current.preload_models);

  const uploads = createUploadReceiver({
    spool,
    ...config.upload,
    onReceived: (bytes) => metrics.uploaded(bytes),
  });
  const limits = { maxSeconds: config.audio.maxSeconds, maxDecodedBytes: config.audio.maxDecodedBytes };
  const claims = new RequestClaims(db);
  const diarization = createDiarizationService({
    registry,
    limits,
    count: (model, seconds) => metrics.audioDone(model, 'diarization', seconds),
  });
  const separation = createSeparationService({
    registry,
    limits,
    count: (model, seconds) => metrics.audioDone(model, 'separation', seconds),
  });
  const unmetered = countTranscription(
    createTranscriptionService(registry, limits, { diarization, separation }),
    (model, task, seconds) => metrics.audioDone(model, task, seconds),
  );
  const metering = createMetering({
    ledger: claims,
    limits,
    tools,
    maxMeasured: config.models.cores,
    modelId: (name) => registry.describe(name)?.id,
    log,
  });
  const transcription = createMeteredTranscription(unmetered, metering);
  const probe = async (path: string, signal: AbortSignal) =>
    (await wavLength(path)) ?? (await probeAudio(path, { ...tools, signal })).durationSeconds;
  const inputGuard = createAddressGuard({ allowedHosts: config.urlInput.allowedHosts });
  const fetchInput = createInputFetch(config, inputGuard);
  const webhooks = await openWebhooks({
    database,
    secretsKeyFile: config.secretsKeyFile,
    allowPrivate: config.webhooks.allowPrivate,
    timeoutMs: config.webhooks.timeoutSeconds * 1000,
    defaultUrl: webhookUrlOf,
    log,
  });
  const noteJob = ({ id, model, status, error }: JobRow) => {
    metrics.jobEnded(status);
    if (status === 'failed') traffic.jobFailed(publicJobId(id), model, error?.code ?? 'internal_error');
  };
  const jobs = await openJobs({
    database,
    dataDir: config.dataDir,
    hooks: [webhooks.hooks, meterJobs, auditJobs, { ended: async (_, job) => noteJob(job) }],
    concurrency: config.jobs.concurrency,
    maxFruitlessAttempts: config.jobs.maxAttempts,
    fetch: fetchInput,
    probe,
    measure: (path, signal) =>
      measureAudio(path, { ...limits, ...tools, signal, stepSeconds: 60, onStep: async () => {} }),
    version,
    log,
  });
  const audioJobs = {
    metering,
    jobs: jobs.service,
    artifacts: jobs.artifacts,
    probe,
    syncMaxMs: config.jobs.syncMaxSeconds * 1000,
    log,
  };
  const transcribing = transcriptionWork(unmetered, registry);
  const diarizing = diarizationWork(diarization, registry);
  const answerSeparation = separationAnswer(jobs.service, jobs.artifacts);
  const answerKaraoke = karaokeAnswer(jobs.service, jobs.artifacts);
  const separating = separationWork(separation, registry);
  const separationJobs = new AudioJobs({ ...audioJobs, work: separating });
  const transcriptionJobs = new AudioJobs({ ...audioJobs, work: transcribing });
  const diarizationJobs = new AudioJobs({ ...audioJobs, work: diarizing });
  const findStage = createFindStage(jobs.store, jobs.artifacts);
  const transcribe = createTranscriptionJob({ service: unmetered, findStage, work: transcribing });
  await jobs.start({
    transcription: transcribe,
    translation: transcribe,
    diarization: createDiarizationJob({ service: diarization, registry, findStage, work: diarizing }),
    separation: createSeparationJob({ service: separation, registry, findStage, work: separating }),
  });
  webhooks.start();
  const { service: jobService, store: jobStore, artifacts, workRoot } = jobs;
  const erasures = new ErasureStore(db);
  const speakers = new SpeakerStore(db);
  const journal = journalPath(config.dataDir);
  const erasure = new Erasure({ store: erasures, jobs: jobService, journal, workRoot, log });
  const retention = new Retention({
    store: new RetentionStore(db, jobStore),
    jobStore,
    jobs: jobService,
    artifacts,
    workRoot,
    get jobRetentionDays() {
      return settings.current.job_retention_days;
    },
    get uploadRetentionHours() {
      return settings.current.upload_retention_hours;
    },
    alongside: [() => erasure.finishPending(), () => speakers.deleteExpired()],
    log,
  });
  retention.start();
  const gdpr = createGdprService({ erasure, store: erasures, jobStore, artifacts, audit: audit.append });
  const isBundled = (id: string) => registry.isBundled(id);
  const audio = {
    isBundled,
    service: transcription,
    transcriptionJobs,
    diarization,
    separation,
    diarizationJobs,
    answerKaraoke,
    probe,
    voices: knownVoices({
      diarization,
      lookup: (owner, model, names) => lookUpSpeakers(speakers, { owner, model, names }),
    }),
    jobs: jobs.service,
    uploads,
    fetchInput,
    requireDevice: (name: string, param: string) => devices.require(name, param),
    checkUrl: (url: string) => {
      parseOutboundUrl(url, inputGuard, 'url');
    },
    checkWebhook: (owner: string, url: string) => webhooks.service.checkUrl(owner, url),
  };
  const waveforms = new Waveforms({
    jobs: jobs.service,
    artifacts: jobs.artifacts,
    limits,
    tools,
    maxAtOnce: config.models.cores,
  });
  const keyRecords = new KeyRecords(db);
  const tickets = new TicketStore(db, { principalOf: (owner, since) => keys.stillValid(owner, since) });
  const changes = new Notifications({ connection: database.connection, channel: CHANGE_CHANNEL, log });
  changes.subscribe((payload) => {
    tellChange(payload, (change) => {
      if (change !== undefined && change.entity !== 'settings') return;
      settings.reload().catch((error: unknown) => log.warn('settings could not be read', { reason: String(error) }));
    });
  });
  const unfollow = followChanges(feed, {
    subscribe: (listener) => changes.subscribe((payload) => tellChange(payload, listener)),
    readJobs: (ids) => jobService.glance(ids),
  });
  let shuttingDown = false;
  const readiness = createReadiness({
    modelCacheDir: config.modelCacheDir,
    dataDir: config.dataDir,
    pingDatabase: database.ping,
    ffmpegPath: config.audio.ffmpegPath,
    missingPreloads: () => registry.missingPreloads,
    isShuttingDown: () => shuttingDown,
  });
  const server = createHttpServer({
    version,
    log,
    metrics: {
      requestBegan: () => metrics.requestBegan(),
      requestEnded: (request) => {
        metrics.requestEnded(request);
        traffic.requestEnded(request);
      },
    },
    auth: {
      keys,
      tickets,
      takeRequest: (owner, perMinute) => takeRequest(db, owner, perMinute),
      listensOnLoopback: isLoopback(config.host),
      corsOrigins: config.corsOrigins,
      metricsToken: config.metricsToken,
    },
    trustProxy: config.trustProxy,
    frontendDist: config.frontendDist,
    routes: [
      ...transcriptionRoutes(audio),
      translationRoute(audio),
      diarizationRoute(audio),
      separationRoute({ ...audio, separationJobs, answer: answerSeparation }),
      ...speakerRoutes({
        isBundled,
        speakers,
        uploads,
        resolveModel: (name) => diarization.modelId(name),
        hear: meteredHearing(diarization, metering),
      }),
      ...jobActionRoutes({ jobs: jobs.service, transcriptionJobs }),
      ...jobRoutes({
        isBundled,
        jobs: jobs.service,
        transcriptionJobs,
        diarizationJobs,
        separationJobs,
        answerSeparation,
        answerKaraoke,
      }),
      jobEventsRoute(jobs.service),
      ...jobFileRoutes({
        jobs: jobs.service,
        artifacts: jobs.artifacts,
        issueTicket: (grant) => tickets.issue(grant),
      }),
      evaluationRoute(
        createEvaluator({
          jobs: jobs.service,
          artifacts: jobs.artifacts,
          decoding: { ...limits, ...tools },
          environment: config.childEnvironment,
          maxAtOnce: config.models.cores,
        }),
      ),
      jobPeaksRoute(jobs.service, waveforms),
      ...webhookSecretRoutes({ webhooks: webhooks.service, ownerOf }),
      ...webhookDeliveryRoutes({ webhooks: webhooks.service, ownerOf }),
      ...modelRoutes(registry),
      ownKeyRoute({
        find: (id) => keyRecords.find(id),
        readUsage: (id) => readUsage(db, id),
        readRequestRate: (id, perMinute) => readRequestRate(db, id, perMinute),
      }),
      adminModelsRoute(registry),
      adminOverviewRoute({
        health: () => describeHealth(version, readiness),
        traffic,
        countJobs: () => jobStore.countUnfinishedByStatus(),
        doctor,
        gpus: gpus.monitor,
      }),
      adminEventsRoute({ feed, models: registry, gpus: gpus.monitor }),
      ...adminGpusRoutes({
        ...gpus,
        series: ({ windowSeconds = HISTORY_SECONDS, stepSeconds = 10 }) => {
          const spans = spansUntil(Date.now() / 1000, windowSeconds, stepSeconds);
          return gpuSeries(gpus.monitor.columns(spans), timeline, spans);
        },
      }),
      ...placementRoutes({
        placement: createPlacement(registry, devices),
        status: async () => ({
          object: 'status',
          version,
          rev: registry.rev,
          gpu: gpus.monitor.current(),
          devices: devices.list().map(({ id, index, kind, totalBytes, usedBytes, unavailable }) => {
            return { id, index, kind, total_bytes: totalBytes, used_bytes: usedBytes, unavailable };
          }),
          models: registry.list(),
          dependencies: await readiness(),
        }),
        audit,
      }),
      adminHostRoute(host),
      ...modelAdminRoutes({
        models: createModelAdmin({
          registry,
          families,
          models: registeredModels,
          listRepository: repositoryLister(config, log, repositories),
        }),
        preflight: createPreflight({
          families,
          endpoint: config.hub.endpoint,
          minFreeBytes: config.upload.minFreeBytes,
          models: () => registry.list(),
          deviceKind: () =>
            devices.list().some(({ kind, unavailable }) => kind === 'cuda' && unavailable === null) ? 'cuda' : 'cpu',
          examine: async (where, signal) =>
            examineRepository({
              ...(await hubAccess(config, log, repositories)),
              ...where,
              cacheDir: config.modelCacheDir,
              signal,
            }),
          freeBytes: () => freeBytes(config.modelCacheDir),
        }),
        audit,
      }),
      ...hubTokenRoutes(
        createHubToken({
          env: config.hub.token,
          cacheDir: config.modelCacheDir,
          endpoint: config.hub.endpoint,
          hide: log.hide,
          onChange: () => repositories.forgetToken(),
        }),
        audit,
      ),
      ...adminKeysRoutes({
        records: keyRecords,
        readUsage: (id) => readUsage(db, id),
        isBuiltIn: (id) => id === ANONYMOUS.id || keys.environmentPrincipal(id) !== undefined,
        resolveModel: (name) => registry.describe(name)?.id,
        audit,
      }),
      ...adminJobRoutes({ jobs: jobs.service, keyNames: (ids) => keyRecords.names(ids), audit }),
      ...adminWebhookRoutes({ webhooks: webhooks.service, audit }),
      ...adminSettingsRoutes(settings, audit),
      adminUsageRoute((wanted) => readUsageTotals(db, wanted)),
      adminLogsRoute(logRing),
      adminAuditRoute(audit),
      adminDoctorRoute(doctor),
      ...gdprRoutes({ ...gdpr, audit }),
      metricsRoute(metrics),
      ...healthRoutes({
        version,
        checks: readiness,
      }),
    ],
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, resolve);
  });
  const url = addressUrl(server.address());
  log.info('listening', { url, version });

  let closing: Promise<void> | undefined;
  const close = async () => {
    shuttingDown = true;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    const deadline = Date.now() + config.shutdownGraceSeconds * 1000;
    await retention.stop();
    await waveforms.close();
    await jobs.stop();
    await Promise.all([uploads.drain(deadline), webhooks.stop(Math.max(0, deadline - Date.now()))]);
    await registry.close(Math.max(0, deadline - Date.now()));
    // The last answers are on their way; what is left then are event streams and kept connections.
    await Promise.race([closed, sleep(LAST_ANSWERS_MS, undefined, { ref: false })]);
    server.closeAllConnections();
    await closed;
    await Promise.all([gpus.close(), host.close()]);
    await spool.close();
    unfollow();
    await changes.close();
    feed.close();
    await claims.close().catch((error: unknown) => log.warn('usage could not be noted', { reason: String(error) }));
    await doctor.close();
    await database.close();
    log.info('stopped');
    await log.close();
  };
  return { url, createdAdminKey: created, registry, log, close: () => (closing ??= close()) };
}

/** Looks at the GPUs from now on. */
function openGpus({ gpu, childEnvironment: environment }: Config, log: Logger) {
  const smi = new NvidiaSmi({ program: gpu.nvidiaSmi, environment, timeoutMs: GPU_TIMEOUT_MS });
  const monitor = new GpuMonitor({
    read: (signal) => smi.read(signal),
    idleIntervalMs: gpu.pollSeconds * 1000,
    log,
  });
  const details = new GpuDetails({ program: gpu.nvidiaSmi, environment, timeoutMs: GPU_TIMEOUT_MS });
  monitor.start();
  return {
    monitor,
    /** A look of its own, whatever the monitor has seen. */
    read: (signal: AbortSignal) => smi.read(signal),
    detail: (id: string, signal: AbortSignal) => details.read(monitor.require(id), signal),
    close: () => Promise.all([monitor.close(), details.close()]),
  };
}

/** What each replica with a process counts for in placements. */
function accounted(models: readonly AdminModel[]) {
  return models.flatMap(({ id: model, replicas }) =>
    replicas
      .filter(({ pid }) => pid !== null)
      .map(({ id: replica, device, expected_bytes, resident_bytes }) => {
        return { model, device, replica, bytes: Math.max(expected_bytes, resident_bytes ?? 0) };
      }),
  );
}

/** By device, of the replicas that were unloaded last. */
function residue(models: readonly AdminModel[]) {
  const replicas = models.flatMap((model) => model.replicas).filter(({ residue_bytes: bytes }) => (bytes ?? 0) > 0);
  const devices = Map.groupBy(replicas, ({ device }) => device);
  return [...devices].map(([device, left]) => {
    return { device, bytes: left.reduce((sum, { residue_bytes: bytes }) => sum + (bytes ?? 0), 0) };
  });
}

/** The URL, and the password as an error may quote it. */
function databaseSecrets(url: string | undefined): string[] {
  if (url === undefined) return [];
  const { password } = new URL(url);
  return password === '' ? [url] : [url, password, decodeURIComponent(password)];
}

/** Fetches the audio of a `url` into a file, under the limits of an upload. */
function createInputFetch({ urlInput, upload, dataDir }: Config, guard: AddressGuard) {
  return (options: { url: string; path: string; signal: AbortSignal }): Promise<FetchedFile> => {
    let checkedAt = Number.NEGATIVE_INFINITY;
    return fetchToFile({
      ...options,
      guard,
      maxBytes: upload.maxFileBytes,
      timeoutMs: urlInput.timeoutSeconds * 1000,
      stallMs: URL_STALL_MS,
      onProgress: async (received) => {
        if (received >= checkedAt && received - checkedAt < DISK_CHECK_INTERVAL_BYTES) return;
        checkedAt = received;
        await requireFreeSpace(dataDir, upload.minFreeBytes);
      },
    });
  };
}

function createHub(config: Config, log: RootLogger, repositories: KnownRepositories): ModelHub {
  const cacheDir = config.modelCacheDir;
  const bundled = createBundledModels({ root: fileURLToPath(new URL('../../', import.meta.url)), cacheDir });
  const findBundled = (files: RepoFiles) =>
    bundled.find(files).catch((error: unknown) => {
      log.warn('a bundled model could not be put into the model cache', { repo: files.repo, reason: String(error) });
      return undefined;
    });
  return {
    find: (files) => (files.bundled === true ? findBundled(files) : findSnapshot(cacheDir, files)),
    known: (repo) => ({ url: `${config.hub.endpoint}/${repo}`, ...repositories.of(repo) }),
    download: async (files, { signal, onProgress }) => {
      if (files.bundled === true) throw notInstalled(files.repo);
      return downloadSnapshot({
        ...files,
        ...(await hubAccess(config, log, repositories)),
        cacheDir,
        signal,
        onProgress,
        minFreeBytes: config.upload.minFreeBytes,
      });
    },
    delete: (files, keep) => deleteSnapshot({ ...files, cacheDir, keep, signal: AbortSignal.timeout(LOCK_WAIT_MS) }),
  };
}

function notInstalled(repo: string): GatewayError {
  return new GatewayError('model_not_downloaded', {
    message: `The files of ${repo} ship with the gateway, but are not in its folder or could not be copied to MODEL_CACHE_DIR; the log has the reason.`,
    param: 'model',
  });
}

function repositoryLister(config: Config, log: RootLogger, repositories: KnownRepositories) {
  return async (repo: string, revision: string, signal: AbortSignal) =>
    listRepository({ ...(await hubAccess(config, log, repositories)), repo, revision, signal });
}

async function hubAccess({ hub, modelCacheDir }: Config, log: RootLogger, repositories: KnownRepositories) {
  // Read each time: an operator may have saved a token since, through another gateway too.
  const token = await readToken({ env: hub.token, cacheDir: modelCacheDir });
  if (token !== undefined) log.hide(token);
  return {
    endpoint: hub.endpoint,
    ...(token === undefined ? {} : { token }),
    log: (message: string, fields: LogFields) => log.info(message, fields),
    onHeard: (repo: string, heard: HeardOfRepository) => repositories.note(repo, heard),
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function addressUrl(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP address');
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}

async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  const { version }: { version: string } = JSON.parse(text);
  return version;
}
