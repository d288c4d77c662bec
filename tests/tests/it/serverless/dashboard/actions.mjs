// What can be done: each button says first what will happen.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { card, changing, eventually, playing, withOpenPage } from './browser.mjs';

const dialog = (page) => page.getByRole('dialog');
const news = (page) => page.getByRole('log');

async function press(page, dataType, name) {
  await card(page, dataType).getByRole('button', { name, exact: true }).click();
  await dialog(page).waitFor();
}

const confirm = (page) => dialog(page).locator('button[type="submit"]').click();

test('a sync, a full one, a reconcile and a reset are asked for and done', () => withOpenPage({}, async (page) => {
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
  await press(page, 'categories', 'Sync');
  await confirm(page);
  await card(page, 'categories').locator('.state').filter({ hasText: '✓ Success' }).waitFor();
}));

test('going back asks the server for nothing', () => withOpenPage({}, async (page) => {
  const asked = [];
  page.on('request', (request) => request.method() === 'POST' && asked.push(request.url()));
  for (const name of ['Sync', 'Full', 'Reconcile', 'Reset', 'Pause', 'Replay dead letters']) {
    await press(page, 'products', name);
    await dialog(page).getByRole('button', { name: 'Go back' }).click();
    await eventually('it is closed', () => page.locator('dialog[open]').count(), (many) => many === 0);
  }
  assert.deepEqual(asked, []);
}));

test('more is deleted than the guard allows only where somebody has said so', () => withOpenPage({}, async (page) => {
  const requests = await playing(page, 'products$', () => ({ json: { success: true, message: 'Products sync completed', data: {} } }));
  for (const ticked of [false, true]) {
    await press(page, 'products', 'Reconcile');
    const box = dialog(page).getByRole('checkbox');
    assert.equal(await box.isChecked(), false, 'never by default');
    if (ticked) await box.check();
    await confirm(page);
    await eventually('asked', () => requests.length, (many) => many === (ticked ? 2 : 1));
  }
  assert.deepEqual(requests.map(({ body }) => JSON.parse(body)), [
    { mode: 'reconcile' }, { mode: 'reconcile', confirmDeletes: true },
  ]);
}));

test('while a run is on no other is started, and it can be cancelled or reset by force', () => withOpenPage({}, async (page) => {
  const cancelled = await playing(page, 'cancel/transfers$', () => ({ json: { success: true, message: 'The sync of transfers is cancelled', data: {} } }));
  const reset = await playing(page, 'reset/transfers', () => ({ json: { success: true, message: 'Transfers reset', data: {} } }));
  const transfers = card(page, 'transfers');
  await transfers.getByRole('button', { name: 'Sync', exact: true }).click({ force: true });
  await news(page).getByText('A sync of transfers is on.').waitFor();
  assert.equal(await page.locator('dialog[open]').count(), 0);
  assert.equal(await card(page, 'products').getByRole('button', { name: 'Cancel', exact: true }).count(), 0);
  await press(page, 'transfers', 'Cancel');
  await confirm(page);
  await news(page).getByText('is cancelled').waitFor();
  assert.deepEqual(cancelled, [{ method: 'POST', path: '/api/sync/cancel/transfers', body: null }]);
  const forced = page.waitForRequest(/\/reset\/transfers\?force=true$/);
  await press(page, 'transfers', 'Reset');
  await dialog(page).getByRole('checkbox').check();
  await confirm(page);
  await forced;
  await eventually('reset', () => reset.length, (many) => many === 1);
}));

test('a data type is paused, with a reason, and resumed', () => withOpenPage({
  prepare: async (page) => {
    page.isPaused = false;
    await changing(page, 'status$', ({ data }) => {
      if (page.isPaused) Object.assign(data.metadata.find((it) => it.data_type === 'products'), { paused_at: new Date().toISOString(), paused_by: '203.0.113.7', pause_reason: 'Odoo is moving' });
    });
  },
}, async (page) => {
  const answer = () => ({ json: { success: true, message: 'done so', data: {} } });
  const paused = await playing(page, 'pause/products$', () => { page.isPaused = true; return answer(); });
  const resumed = await playing(page, 'resume/products$', () => { page.isPaused = false; return answer(); });
  const products = card(page, 'products');
  await press(page, 'products', 'Pause');
  await dialog(page).getByLabel(/^Why/).fill('Odoo is moving');
  await confirm(page);
  await products.getByText(/‖ Paused since .* by 203\.0\.113\.7: Odoo is moving/).waitFor();
  assert.match(await products.locator('.state').textContent(), /‖ Paused/);
  assert.equal(paused[0].body, '{"reason":"Odoo is moving"}');
  assert.equal(await products.getByRole('button', { name: 'Sync', exact: true }).getAttribute('aria-disabled'), 'true');
  await press(page, 'products', 'Resume');
  await confirm(page);
  await products.getByRole('button', { name: 'Pause', exact: true }).waitFor();
  assert.equal(resumed.length, 1);
}));

test('a finding is tried again or dismissed, and dead letters are replayed', () => withOpenPage({}, async (page) => {
  const findings = await playing(page, 'findings/\\d+/(retry|dismiss)$', () => ({ json: { success: true, message: 'so it is', data: {} } }));
  const replayed = await playing(page, 'replay/products$', () => ({ json: { success: true, message: '2 events of products replayed', data: { replayed: 2, kept: 0, left: 1 } } }));
  const products = card(page, 'products');
  await products.getByText(/open findings/).click();
  await products.getByRole('button', { name: 'Retry products 7' }).click();
  await news(page).getByText('Retry of products 7: so it is').waitFor();
  assert.equal(await products.getByRole('button', { name: 'Retry products 12' }).count(), 0, 'a warning is not tried');
  await products.getByRole('button', { name: 'Dismiss products 12' }).click();
  await confirm(page);
  await news(page).getByText('Dismiss products 12: so it is').waitFor();
  assert.deepEqual(findings.map(({ method, path }) => `${method} ${path.replace(/\d+/, 'N')}`),
    ['POST /api/sync/findings/N/retry', 'POST /api/sync/findings/N/dismiss']);
  await press(page, 'products', 'Replay dead letters');
  await confirm(page);
  await news(page).getByText('2 events of products replayed. 1 message is left.').waitFor();
  assert.equal(replayed.length, 1);
}));

test('what the server refuses is said with what to do about it, and not asked again', () => withOpenPage({}, async (page) => {
  const requests = await playing(page, 'sales$', () => ({
    status: 502, json: { success: false, error: { code: 'odoo_access', message: 'Odoo refuses sale.order.', remedy: 'Give the user access.' } },
  }));
  await press(page, 'sales', 'Sync');
  await confirm(page);
  await news(page).getByText('Odoo refuses sale.order. Give the user access. (odoo_access)').waitFor();
  assert.equal(requests.length, 1);
}));

test('all data types are started at once', () => withOpenPage({}, async (page) => {
  const requests = await playing(page, 'all$', () => ({ status: 202, json: { success: true, message: 'Sync of all data types started', data: {} } }));
  await page.getByRole('button', { name: 'Sync all' }).click();
  await confirm(page);
  await news(page).getByText('Sync of all data types started').waitFor();
  assert.deepEqual(requests.map(({ path }) => path), ['/api/sync/all']);
}));
