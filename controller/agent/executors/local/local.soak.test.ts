// The whole contract with every isolation that works here. The tests run it with the best one only, to be quick.
import { executorContract } from '../contract.ts';
import { killContract } from './kill.contract.ts';
import { LocalPlace, availableIsolations } from './machine.contract.ts';

for (const isolation of availableIsolations()) {
  executorContract(
    `the local executor with ${isolation}`,
    async () => new LocalPlace({ isolation }),
  );
  killContract(isolation);
}
