// What can be done: each button says first what will happen, and then does it. The function `api`, the syncs, the bus
// and the queues are the real ones; what a press has done is looked for in the database, and what the bus has heard of
// it by the test that runs this (dashboard.rs).

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { countDeadLetters, hang, leaveRun, metadata, now, putDeadLetter, rows, runsSince, sql } from './behind.mjs';
import { asking, card, eventually, withOpenPage } from './browser.mjs';

/** A process that waits for Odoo notices within this time, in seconds, that its run is over. */
const NOTICED = 60;

const dialog = (page) => page.getByRole('dialog');
const news = (page) => page.getByRole('log');

async function press(page, dataType, name) {
  await card(page, dataType).getByRole('button', { name, exact: true }).click();
  await dialog(page).waitFor();
}

const confirm = (page) => dialog(page).locator('button[type="submit"]').click();

/** Presses, and confirms what is asked. */
async function act(page, dataType, name) {
  await press(page, dataType, name);
  await confirm(page);
}

/** Begins a run that waits for Odoo; returns when that was. */
async function beginRun(page, dataType, model) {
  const begun = await now();
  await hang(model);
  await act(page, dataType, 'Full');
  await card(page, dataType).locator('.state').filter({ hasText: '▶ Running' }).waitFor();
  return begun;
}

test('a sync, a full one, a reconcile and a reset are asked for and done', () => withOpenPage({}, async (page) => {
  const begun = await now();
  for (const [name, says, outcome] of [
    ['Sync', /what has changed in Odoo since the last sync of categories/, 'Categories sync completed'],
    ['Full', /every row of categories from Odoo once more/, 'Categories sync completed'],
    ['Reconcile', /marked as deleted/, 'Categories sync completed'],
    ['Reset', /The rows of the mirror stay/, 'Categories reset: the next sync reads everything'],
  ]) {
    const before = await news(page).getByText(outcome).count();
    await press(page, 'categories', name);
    assert.match(await dialog(page).textContent(), says);
    await confirm(page);
    await eventually(name, () => news(page).getByText(outcome).count(), (many) => many === before + 1);
  }
  await card(page, 'categories').getByText('○ Not synced yet').waitFor();
  assert.deepEqual(await rows("select * from odoo.sync_streams where data_type = 'categories'"), [], 'it forgot how far it was');
  assert.notEqual(await sql('select count(*) from odoo.categories'), '0');
  await act(page, 'categories', 'Sync');
  await card(page, 'categories').locator('.state').filter({ hasText: '✓ Success' }).waitFor();
  const runs = await runsSince(begun, 'categories');
  assert.deepEqual(runs.map(({ mode, status, triggered_by: by }) => `${mode} ${status} ${by}`),
    ['incremental', 'full', 'reconcile', 'incremental'].map((mode) => `${mode} success http`));
  const { records_inserted: inserted, records_updated: updated, records_unchanged: unchanged } = runs.at(-1);
  assert.equal(String(inserted + updated + unchanged), await sql('select count(*) from odoo.categories'), 'after a reset it reads everything');
}));

test('going back asks the server for nothing', () => withOpenPage({}, async (page) => {
  const asked = asking(page);
  for (const name of ['Sync', 'Full', 'Reconcile', 'Reset', 'Pause', 'Replay dead letters']) {
    await press(page, 'products', name);
    await dialog(page).getByRole('button', { name: 'Go back' }).click();
    await eventually('it is closed', () => page.locator('dialog[open]').count(), (many) => many === 0);
  }
  assert.deepEqual(asked, []);
}));

test('more is deleted than the guard allows only where somebody has said so', () => withOpenPage({}, async (page) => {
  const asked = asking(page);
  const deleted = () => sql('select count(*) from odoo.categories where odoo_id > 1000000 and deleted_at is not null');
  // Many, of which Odoo has none; ten may always go.
  await sql("insert into odoo.categories (odoo_id, name) select 1000000 + number, 'stranger' from generate_series(1, 40) number");
  const many = await sql('select count(*) from odoo.categories where odoo_id > 1000000');
  await press(page, 'categories', 'Reconcile');
  assert.equal(await dialog(page).getByRole('checkbox').isChecked(), false, 'never by default');
  await confirm(page);
  await news(page).getByText('(delete_guard)').waitFor();
  assert.equal(await deleted(), '0');

  await press(page, 'categories', 'Reconcile');
  await dialog(page).getByRole('checkbox').check();
  await confirm(page);
  await news(page).getByText('Categories sync completed').waitFor();
  assert.equal(await deleted(), many);
  assert.deepEqual(asked.map(({ body }) => JSON.parse(body)), [{ mode: 'reconcile' }, { mode: 'reconcile', confirmDeletes: true }]);
  await sql('delete from odoo.categories where odoo_id > 1000000');
}));

test('while a run is on no other is started, and it can be cancelled', () => withOpenPage({}, async (page) => {
  const begun = await beginRun(page, 'warehouses', 'stock.location');
  await card(page, 'warehouses').getByRole('button', { name: 'Sync', exact: true }).click({ force: true });
  await news(page).getByText('A sync of warehouses is on.').waitFor();
  assert.equal(await page.locator('dialog[open]').count(), 0);
  assert.equal(await card(page, 'products').getByRole('button', { name: 'Cancel', exact: true }).count(), 0);

  // One of three streams is in and the next is being read: what the last run has counted tells how much is left.
  await card(page, 'warehouses').getByText(/^Full: [\d,]+ of [\d,]+ rows/).waitFor();
  await press(page, 'warehouses', 'Cancel');
  assert.match(await dialog(page).textContent(), /reads it from its first row; a first fill begins again.*Pause first/);
  await confirm(page);
  await news(page).getByText('Warehouses sync cancelled: what it has committed stays').waitFor();
  await card(page, 'warehouses').locator('.state').filter({ hasText: /^■ Cancelled$/ }).waitFor();
  await card(page, 'warehouses').getByRole('img', { name: /^Last 30 runs: .* failed, 1 cancelled, the longest/ }).waitFor();
  await page.locator('#overall').filter({ hasText: '■ 1 cancelled' }).waitFor();
  const runs = await runsSince(begun, 'warehouses');
  assert.deepEqual(runs.map(({ mode, status, error_code: code }) => [mode, status, code]), [['full', 'failed', 'cancelled']]);
  const { run_id: on, lease_token: lease } = await metadata('warehouses');
  assert.deepEqual([on, lease], [null, null]);
  // Whoever asked for the run is told as well, by its function.
  await eventually('the run stops', () => news(page).getByText(/^. \S+ Full sync of warehouses: .*\(cancelled\)/).count(), (it) => it === 1, NOTICED);
}));

test('a run that is on is ended by a reset only where somebody has said so', () => withOpenPage({}, async (page) => {
  const begun = await beginRun(page, 'purchases', 'purchase.order.line');
  await act(page, 'purchases', 'Reset');
  await news(page).getByText('(busy)').waitFor();
  const [before] = await runsSince(begun, 'purchases');
  assert.equal(before.status, 'in_progress');

  await press(page, 'purchases', 'Reset');
  await dialog(page).getByRole('checkbox').check();
  await confirm(page);
  await news(page).getByText('Purchases reset: the next sync reads everything').waitFor();
  const [after] = await runsSince(begun, 'purchases');
  assert.deepEqual([after.run_id, after.status], [before.run_id, 'failed']);
  assert.deepEqual(await rows("select * from odoo.sync_streams where data_type = 'purchases'"), []);
  await act(page, 'purchases', 'Sync');
  await news(page).getByText('Purchases sync completed').waitFor();
}));

test('a run that its function has left is cancelled at once', () => withOpenPage({}, async (page) => {
  await leaveRun('purchases');
  await card(page, 'purchases').getByText('! nobody works on it').waitFor();
  await act(page, 'purchases', 'Cancel');
  await news(page).getByText('Purchases sync cancelled').waitFor();
  assert.equal((await metadata('purchases')).run_id, null);
}));

test('a data type is paused, with a reason, and resumed', () => withOpenPage({}, async (page) => {
  const products = card(page, 'products');
  await press(page, 'products', 'Pause');
  await dialog(page).getByLabel(/^Why/).fill('Odoo is moving');
  await confirm(page);
  await products.getByText(/‖ Paused since .*: Odoo is moving/).waitFor();
  assert.match(await products.locator('.state').textContent(), /‖ Paused/);
  const paused = await metadata('products');
  assert.ok(paused.paused_at);
  assert.equal(paused.pause_reason, 'Odoo is moving');

  await products.getByRole('button', { name: 'Sync', exact: true }).click({ force: true });
  await news(page).getByText('Products is paused: resume it first.').waitFor();
  // What was asked for before the page knew of the pause is refused by the server.
  await page.evaluate(() => { ACTIONS.sync('products'); });
  await confirm(page);
  await news(page).getByText('(paused)').waitFor();

  await act(page, 'products', 'Resume');
  await products.getByRole('button', { name: 'Pause', exact: true }).waitFor();
  const resumed = await metadata('products');
  assert.deepEqual([resumed.paused_at, resumed.paused_by, resumed.pause_reason], [null, null, null]);
}));

test('a finding is tried again or dismissed', () => withOpenPage({}, async (page) => {
  const products = card(page, 'products');
  const finding = async (id) => (await rows(`select * from odoo.sync_findings where stream = 'products' and odoo_id = ${id} and rule in ('representation', 'unique')`))[0];
  const begun = await now();
  await products.getByText(/open findings/).click();
  assert.equal(await products.getByRole('button', { name: 'Retry products 12' }).count(), 0, 'a warning is not tried');
  await products.getByRole('button', { name: 'Dismiss products 12' }).click();
  await confirm(page);
  await news(page).getByText('Dismiss products 12: Dismissed: it comes back when its reason or its row changes').waitFor();
  await eventually('it is gone', () => products.getByRole('button', { name: 'Dismiss products 12' }).count(), (many) => many === 0);
  assert.equal((await finding(12)).resolution, 'dismissed');

  await products.getByRole('button', { name: 'Retry products 7' }).click();
  await news(page).getByText('Retry of products 7: Its row is tried again by the next incremental sync that begins. One was just requested; it does nothing where a sync of the data type is on').waitFor();
  // The bus has brought the request to the function: its row is as it should be.
  await eventually('it is mended', async () => (await finding(7)).resolution, (it) => it === 'mended');
  const runs = await eventually('its run is over', () => runsSince(begun, 'products'), ([run]) => run?.status === 'success');
  assert.deepEqual(runs.map(({ mode, triggered_by: by }) => [mode, by]), [['incremental', 'event']]);
}));

test('dead letters are replayed', () => withOpenPage({}, async (page) => {
  const begun = await now();
  const detail = { dataType: 'categories', mode: 'full' };
  await putDeadLetter('categories', { source: 'odoo.sync', 'detail-type': 'Sync Requested', detail });
  await putDeadLetter('categories', { 'detail-type': 'Something else', source: 'somebody', detail: [] });
  await act(page, 'categories', 'Replay dead letters');
  await news(page).getByText('1 event of categories replayed; 1 message is no request of it and stays. 1 message is left, 1 of which holds no request.').waitFor();
  assert.equal(await countDeadLetters('categories'), 1);
  const runs = await eventually('its run is over', () => runsSince(begun, 'categories'), ([run]) => run?.status === 'success');
  assert.deepEqual(runs.map(({ mode, triggered_by: by }) => [mode, by]), [['full', 'event']]);
}));

test('what the server refuses is said with what to do about it, and not asked again', () => withOpenPage({}, async (page) => {
  const asked = asking(page);
  await act(page, 'sales', 'Sync');
  await news(page).getByText(/Sync of sales: .*sale\.order.*\(odoo_\w+\)/).waitFor();
  const { error_message: why } = await metadata('sales');
  assert.match(why, /sale\.order/);
  assert.deepEqual(asked.map(({ path }) => path), ['/api/sync/sales']);
}));

test('all data types are started at once', () => withOpenPage({}, async (page) => {
  // Nobody works on the run that is shown as on, but its lease is live for an hour.
  await act(page, 'transfers', 'Cancel');
  await news(page).getByText('Transfers sync cancelled').waitFor();
  await page.getByRole('button', { name: 'Sync all' }).click();
  await confirm(page);
  await news(page).getByText('Sync of all data types started').waitFor();
  const states = await eventually('the batch is over', () => rows('select data_type, state from odoo.sync_batches order by place'),
    (parts) => parts.length === 6 && parts.every(({ state }) => ['success', 'failed'].includes(state)), NOTICED);
  assert.deepEqual(states.filter(({ state }) => state === 'failed').map((it) => it.data_type), ['sales']);
}));
