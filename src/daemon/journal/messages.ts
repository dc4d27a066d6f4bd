/** The kinds of event that the supervisor writes to the journal, each with its own `MESSAGE_ID` (sd-journal catalogues, `journalctl --new-id128`). */
export const MESSAGE_IDS = {
  /** An instance changed state. */
  state: "31f59b52e02247d6512fa5d46b053ac3",
  /** A step of an instance could not be done. */
  blocked: "f56b5e74aeab45986f0972d3536bf74d",
  /** The instance file has mistakes; what was good stays in force. */
  file: "33f57c161999727b1364919d8417128b",
  /** Running instances were adopted at start. */
  adopted: "633b9580b6070e719451c3f858c14d45",
  /** Something of the host's failed that concerns no one instance. */
  trouble: "3f92bf78ebb632cfb149bcf93166cfdf",
  /** An instance was refused a destination, or in audit mode would have been. */
  refused: "af2e168bc6e548af90a66082ac207704",
  /** Network policies were gone, or had been changed, and were put back. */
  repaired: "3152e0a90333445e8aff2e08d48e2e71",
  /** A network policy was committed and read back, and yet a packet from inside did not come through it. */
  unobserved: "0ab33169fdcb4e2dab23a46d11351d28",
} as const;

export type MessageKind = keyof typeof MESSAGE_IDS;
