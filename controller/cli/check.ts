// One check of `isobar doctor`. main/ brings more: about the processes that it runs.
import type { Session } from './session.ts';

export interface Check {
  /** One or two words. */
  readonly name: string;
  /** Without it nothing after it can work. */
  readonly essential?: boolean;
  run(session: Session): Promise<CheckResult>;
}

export interface CheckResult {
  readonly outcome: 'ok' | 'warning' | 'failed';
  readonly text: string;
  /** What to do. */
  readonly next?: string;
}
