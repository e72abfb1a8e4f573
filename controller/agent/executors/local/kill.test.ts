import { killContract } from './kill.contract.ts';
import { bestIsolation } from './machine.contract.ts';

killContract(bestIsolation());
