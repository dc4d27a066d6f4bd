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
} as const;

export type MessageKind = keyof typeof MESSAGE_IDS;
