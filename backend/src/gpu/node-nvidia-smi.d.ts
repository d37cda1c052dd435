/** The package brings no types: it runs `nvidia-smi -q -x` by PATH and turns the XML into objects (xml2js). */
declare module 'node-nvidia-smi' {
  export default function nvidiaSmi(callback: (error: unknown, log: unknown) => void): void;
}
