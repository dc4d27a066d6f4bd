/** Exit statuses, as sysexits(3) has them. */
export const EX = {
  OK: 0,
  /** Something is wrong with what was asked about (an instance is not fine). */
  FAILURE: 1,
  USAGE: 64,
  DATAERR: 65,
  NOINPUT: 66,
  UNAVAILABLE: 69,
  SOFTWARE: 70,
  NOPERM: 77,
} as const;
