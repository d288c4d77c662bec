// What stands behind the page: the database, the simulated Odoo and the queues. A test sees there what a press of a
// button has done, and prepares there what the page is to show.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const { DASHBOARD_DATABASE: DATABASE, DASHBOARD_ODOO: ODOO, DASHBOARD_DEAD_LETTERS: DEAD_LETTERS, DASHBOARD_SQS: SQS } = process.env;

/** Runs statements; returns what they print. */
export async function sql(statements) {
  const { stdout } = await promisify(execFile)('psql', ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', DATABASE, '-c', statements]);
  return stdout.trim();
}

/** The rows of a query. */
export const rows = async (query) => JSON.parse(await sql(`select coalesce(json_agg(it), '[]') from (${query}) it`));

/** The row of `sync_metadata`. */
export const metadata = async (dataType) => (await rows(`select * from odoo.sync_metadata where data_type = '${dataType}'`))[0];

/** The runs that somebody has started since the test began, the oldest first: those that were made up end in the past. */
export const runsSince = (moment, dataType) => rows(`select * from odoo.sync_runs
  where data_type = '${dataType}' and started_at >= '${moment}' order by started_at`);

/** Now, by the database's clock. */
export const now = () => sql('select clock_timestamp()');

/** A run that nobody works on any more. */
export const leaveRun = (dataType) => sql(`
  insert into odoo.sync_runs (run_id, data_type, mode, triggered_by, status, started_at)
  values ('0a0a0a0a-0000-4000-8000-000000000007', '${dataType}', 'incremental', 'schedule', 'in_progress', now() - interval '10 minutes');
  update odoo.sync_metadata
  set sync_status = 'in_progress', run_id = '0a0a0a0a-0000-4000-8000-000000000007', run_mode = 'incremental', slice = 1,
      lease_token = gen_random_uuid(), lease_expires_at = now() - interval '5 minutes'
  where data_type = '${dataType}'`);

/** As if it had never been. */
export const takeRunAway = (dataType) => sql(`
  delete from odoo.sync_runs where run_id = '0a0a0a0a-0000-4000-8000-000000000007';
  update odoo.sync_metadata
  set sync_status = 'success', run_id = null, run_mode = null, slice = 0, lease_token = null, lease_expires_at = null
  where data_type = '${dataType}'`);

/** Odoo does not answer the next time that rows of a model are read. */
export async function hang(model) {
  const answer = await fetch(`${ODOO}/_sim/fault`, { method: 'POST', body: JSON.stringify({ fault: 'hang', method: 'read', model }) });
  assert.equal(answer.status, 200, await answer.text());
}

async function askQueue(dataType, parameters) {
  const answer = await fetch(DEAD_LETTERS.replace('{dataType}', dataType), {
    method: 'POST', headers: { authorization: SQS }, body: new URLSearchParams(parameters),
  });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return text;
}

/** Puts an event into a data type's dead-letter queue, as Lambda does that gave it up. */
export const putDeadLetter = (dataType, event) => askQueue(dataType, { Action: 'SendMessage', MessageBody: JSON.stringify(event) });

/** Messages that lie there, in sight or not. */
export async function countDeadLetters(dataType) {
  const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'];
  const text = await askQueue(dataType, { Action: 'GetQueueAttributes', 'AttributeName.1': names[0], 'AttributeName.2': names[1] });
  const numbers = [...text.matchAll(/<Value>(\d+)<\/Value>/g)].map(([, number]) => Number(number));
  assert.equal(numbers.length, 2, text);
  return numbers[0] + numbers[1];
}
