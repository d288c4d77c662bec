// What the page shows of each data type.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DATA_TYPES, KEY, card, changing, eventually, withOpenPage, URL_OF_PAGE } from './browser.mjs';

const status = async () => {
  const answer = await fetch(new URL('status', URL_OF_PAGE), { headers: { authorization: `Bearer ${KEY}` } });
  return (await answer.json()).data;
};

test('every data type has its card, in the registry’s order', () => withOpenPage({}, async (page) => {
  const names = await page.locator('article').evaluateAll((cards) => cards.map((it) => it.dataset.type));
  assert.deepEqual(names, DATA_TYPES);
}));

test('status, last success, rows here and in Odoo, and when they were compared', () => withOpenPage({}, async (page) => {
  const products = card(page, 'products');
  assert.match(await products.locator('.state').textContent(), /^✓ Success$/);
  assert.match(await products.getByText('Last success').textContent(), /Last success: .* \(.+\)/);
  const stream = (await status()).metadata.find((it) => it.data_type === 'products').streams
    .find((it) => it.stream === 'products');
  const cells = await products.getByRole('row', { name: /^products / }).locator('td').allTextContents();
  assert.equal(cells[0], stream.mirror_count.toLocaleString('en'));
  assert.equal(cells[1], stream.source_count.toLocaleString('en'));
  assert.match(cells[2], /ago|just now/);
  assert.match(await card(page, 'sales').locator('.state').textContent(), /^✗ Failed$/);
  assert.match(await card(page, 'sales').locator('.note').first().textContent(), /sale\.order/);
}));

test('rows that differ are said to, and a data type that was never synced', () => withOpenPage({
  prepare: (page) => changing(page, 'status$', ({ data }) => {
    const stream = data.metadata.find((it) => it.data_type === 'products').streams.find((it) => it.stream === 'products');
    Object.assign(stream, { source_count: 1205, mirror_count: 1200 });
    data.status.warehouses = 'pending';
    data.metadata = data.metadata.filter((it) => it.data_type !== 'warehouses');
  }),
}, async (page) => {
  await card(page, 'products').getByText('1,205 (! 5 more)').waitFor();
  assert.match(await card(page, 'warehouses').textContent(), /○ Not synced yet.*Last success: never/s);
}));

test('the last thirty runs are drawn, said and listed', () => withOpenPage({}, async (page) => {
  const purchases = card(page, 'purchases');
  const picture = purchases.getByRole('img', { name: /^Last 30 runs: \d+ failed, the longest took .* the most rows were/ });
  assert.equal(await picture.locator('g').count(), 30);
  const marks = await picture.locator('text').allTextContents();
  assert.equal(marks.length, await picture.locator('g.failed').count());
  assert.ok(marks.length > 0 && marks.every((mark) => mark === '✗'), 'a failure is known by its mark');
  await purchases.getByText('Runs as a table').click();
  const table = purchases.getByRole('table', { name: 'Last runs of purchases' });
  assert.equal(await table.locator('tbody tr').count(), 30);
  assert.match(await table.textContent(), /✗ failed/);
  assert.match(await table.textContent(), /odoo_unreachable: Odoo does not answer/);
}));

test('a run that somebody has cancelled is no failure, in words and by its mark', () => withOpenPage({
  prepare: async (page) => {
    await changing(page, 'runs\\?dataType=purchases', ({ data }) => {
      Object.assign(data.runs[0], { status: 'failed', error_code: 'cancelled', error_message: 'cancelled by an operator' });
    });
    await changing(page, 'status$', ({ data }) => {
      data.status.purchases = 'failed';
      Object.assign(data.metadata.find((it) => it.data_type === 'purchases'),
        { sync_status: 'failed', error_message: 'cancelled: the run was ended by an operator' });
    });
  },
}, async (page) => {
  const purchases = card(page, 'purchases');
  await purchases.getByRole('img', { name: /^Last 30 runs: \d+ failed, 1 cancelled, the longest took/ }).waitFor();
  assert.equal(await purchases.locator('.state').textContent(), '■ Cancelled');
  assert.match(await purchases.locator('.note').first().textContent(), /^■ cancelled: /);
  assert.deepEqual(await purchases.locator('g.cancelled text').allTextContents(), ['■']);
  await purchases.getByText('Runs as a table').click();
  assert.match(await purchases.getByRole('table', { name: 'Last runs of purchases' }).textContent(), /■ cancelled/);
  assert.match(await page.locator('#overall').textContent(), /✗ 1 failed · ■ 1 cancelled/);
}));

test('open findings are counted and listed with their reason', () => withOpenPage({}, async (page) => {
  const products = card(page, 'products');
  await products.getByText(/! \d+ open findings \(1 reject/).click();
  await products.getByText('✗ reject products 7').waitFor();
  assert.match(await products.locator('.findings').textContent(), /column weight: a number was expected/);
  assert.match(await products.locator('.findings').textContent(), /has the same barcode/);
}));

test('a run shows its bar, its rate and the time left', () => withOpenPage({
  clock: true,
  prepare: async (page) => {
    let looks = 0;
    await changing(page, 'status$', ({ data }) => {
      const done = 1000 + 1000 * looks++;
      const row = data.metadata.find((it) => it.data_type === 'transfers');
      row.progress = { rows_done: done, rows_to_do: 20_000 - done };
    });
  },
}, async (page) => {
  const transfers = card(page, 'transfers');
  assert.match(await transfers.locator('.state').textContent(), /▶ Running/);
  const words = () => transfers.locator('.progress p').textContent();
  const first = await words();
  assert.match(first, /^Full: [\d,]+ of 20,000 rows/);
  for (let look = 0; look < 3; look += 1) {
    const before = await words();
    await page.clock.runFor(2000);
    await eventually('another look', words, (text) => text !== before);
  }
  assert.match(await words(), /of 20,000 rows · [\d,]+ rows a second · about .*(s|min) left$/);
  const bar = transfers.getByRole('progressbar');
  assert.equal(await bar.getAttribute('max'), '20000');
  assert.ok(Number(await bar.getAttribute('value')) >= 4000);
}));

test('a run whose rows are not counted yet says so', () => withOpenPage({
  prepare: (page) => changing(page, 'status$', ({ data }) => {
    data.metadata.find((it) => it.data_type === 'transfers').progress = { rows_done: 0, rows_to_do: null };
  }),
}, async (page) => {
  await card(page, 'transfers').getByText('the rest is being counted').waitFor();
  assert.equal(await card(page, 'transfers').getByRole('progressbar').getAttribute('value'), null);
}));
