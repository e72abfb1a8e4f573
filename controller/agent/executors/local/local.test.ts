import { executorContract } from '../contract.ts';
import { LocalPlace, isAvailable } from './machine.contract.ts';
import { ISOLATION_KINDS } from './trees.ts';

for (const isolation of ISOLATION_KINDS) {
  if (isAvailable(isolation)) {
    executorContract(
      `the local executor with ${isolation}`,
      async () => new LocalPlace({ isolation }),
    );
  } else console.log(`not tested: this machine does not allow isolation by ${isolation}`);
}
