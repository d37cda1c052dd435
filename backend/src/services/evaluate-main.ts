/** Entry of a short-lived process: scores one order, and tells the parent. */
import { toGatewayError } from '../errors.ts';
import { evaluate, type Order } from './evaluate.ts';
import type { FromEvaluator } from './evaluation.ts';

process.on('disconnect', () => process.exit(0));
process.once('message', (order: Order) => {
  evaluate(order)
    .then(
      (evaluation): FromEvaluator => ({ evaluation }),
      (thrown: unknown): FromEvaluator => {
        const { code, message, param } = toGatewayError(thrown);
        return { error: { code, message, param } };
      },
    )
    .then((answer) => process.send?.(answer, () => process.disconnect?.()));
});
