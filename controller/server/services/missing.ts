// What is not there.
import { refuse } from '#domain/refusal.ts';
import { RefusalError } from '../errors.ts';

/** Only where everybody may know what there is; a tenant's things are NOT_FOUND of authorize.ts, whatever the reason. */
export function noSuch(kind: string, name: string): RefusalError {
  const reason = `${kind.toUpperCase().replaceAll(' ', '_')}_NOT_FOUND`;
  return new RefusalError(
    refuse('NOT_FOUND', reason, `there is no ${name}; list what there is and check the name`),
  );
}
