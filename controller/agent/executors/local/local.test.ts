import { executorContract } from '../contract.ts';
import { LocalPlace, bestIsolation } from './machine.contract.ts';

const isolation = bestIsolation();
executorContract(`the local executor with ${isolation}`, async () => new LocalPlace({ isolation }));
