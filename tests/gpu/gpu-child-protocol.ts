/** What the child of the GPU checks says once it has run its graphs. */
export interface GpuChildReply {
  /** Whether the results were right. */
  multiplied: boolean;
  convolved: boolean;
  expanded: boolean;
  tooMuch: { isRecognised: boolean; message: string } | undefined;
}
