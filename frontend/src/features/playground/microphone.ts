/** One recording of the microphone, with its level as it goes. */

export interface Recording {
  /** 0 … 1, the loudest sample of the last moment. */
  level(): number;
  /** Seconds so far. */
  elapsed(): number;
  /** Ends it. @returns what was recorded, as the browser encodes it. */
  finish(): Promise<File>;
  /** Ends it and keeps nothing. */
  discard(): void;
}

/** Whether the browser gives microphones to this page at all: over plain HTTP it does to localhost alone. */
export function hasMicrophones(): boolean {
  return window.isSecureContext && navigator.mediaDevices !== undefined && 'MediaRecorder' in window;
}

/** Names are empty until the reader has allowed one microphone. */
export async function listMicrophones(): Promise<MediaDeviceInfo[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind, deviceId }) => kind === 'audioinput' && deviceId !== '');
}

/** @throws DOMException `NotAllowedError` or `NotFoundError`, as `getUserMedia` does. */
export async function startRecording(deviceId: string): Promise<Recording> {
  const audio = deviceId === '' ? true : { deviceId: { exact: deviceId } };
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  const recorder = new MediaRecorder(stream);
  const chunks: Blob[] = [];
  recorder.ondataavailable = ({ data }) => chunks.push(data);
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const release = () => {
    for (const track of stream.getTracks()) track.stop();
    void context.close();
  };
  const startedAt = performance.now();
  recorder.start(1_000);
  return {
    level: () => {
      analyser.getFloatTimeDomainData(samples);
      return samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    },
    elapsed: () => (performance.now() - startedAt) / 1000,
    finish: async () => {
      const stopped = new Promise((resolve) => recorder.addEventListener('stop', resolve, { once: true }));
      recorder.stop();
      await stopped;
      release();
      const type = recorder.mimeType.split(';')[0] ?? '';
      return new File(chunks, `recording.${EXTENSIONS[type] ?? 'webm'}`, { type });
    },
    discard: () => {
      recorder.stop();
      release();
    },
  };
}

const EXTENSIONS: Record<string, string> = { 'audio/webm': 'webm', 'audio/ogg': 'ogg', 'audio/mp4': 'm4a' };
