// What the page shows of each data type.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { rows, sql } from './behind.mjs';
import { DATA_TYPES, KEY, card, changing, eventually, withOpenPage, URL_OF_PAGE } from './browser.mjs';

const look = async (route) => {
  const answer = await fetch(new URL(route, URL_OF_PAGE), { headers: { authorization: `Bearer ${KEY}` } });
  return (await answer.json()).data;
};
const status = () => look('status');

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

test('a bar is as high as its run was long and as deep as it had rows', () => withOpenPage({}, async (page) => {
  const { runs } = await look('runs?dataType=purchases&limit=30');
  const oldestFirst = runs.toReversed();
  const durations = oldestFirst.map((run) => Date.parse(run.finished_at) - Date.parse(run.started_at));
  const numbers = oldestFirst.map((run) => run.records_inserted + run.records_updated + run.records_unchanged
    + run.records_deleted + run.records_skipped);
  const heights = (kind) => card(page, 'purchases').locator(`rect.${kind}`)
    .evaluateAll((bars) => bars.map((bar) => Number(bar.getAttribute('height'))));
  for (const [kind, values] of [['duration', durations], ['rows', numbers]]) {
    const found = await heights(kind);
    const highest = Math.max(...found);
    const most = Math.max(...values);
    assert.ok(new Set(values).size > 10, 'they differ');
    assert.equal(found.length, 30);
    // The shortest run still has a bar to point at.
    values.forEach((value, at) => {
      const wanted = (value / most) * highest;
      assert.ok(Math.abs(found[at] - (kind === 'duration' ? Math.max(1, wanted) : wanted)) < 0.01, `${kind} ${at}: ${found[at]}, not ${wanted}`);
    });
  }
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
  await products.getByText(/✗ \d+ open findings \(1 reject, \d+ warnings?\)/).click();
  await products.getByText('✗ reject products 7').waitFor();
  assert.match(await products.locator('.findings').textContent(), /column weight: a number was expected/);
  assert.match(await products.locator('.findings').textContent(), /has the same barcode/);
}));

test('a reject is counted and shown first however many warnings were seen since', () => withOpenPage({
  prepare: () => sql(`insert into odoo.sync_findings (data_type, stream, odoo_id, severity, rule, reason, last_seen_at)
    select 'products', 'products', 2000000 + number, 'warning', 'made up', 'is seen each hour', now() + interval '1 hour'
    from generate_series(1, 60) number`),
}, async (page) => {
  try {
    const [{ warnings }] = await rows(`select count(*) warnings from odoo.sync_findings
      where data_type = 'products' and severity = 'warning' and resolved_at is null`);
    const products = card(page, 'products');
    await products.getByText(`✗ ${warnings + 1} open findings (1 reject, ${warnings} warnings, the latest 21 shown)`).click();
    assert.match(await products.locator('.findings li').first().textContent(), /^✗ reject products 7/);
    assert.equal(await products.locator('.findings li').count(), 21);
  } finally {
    await sql("delete from odoo.sync_findings where rule = 'made up'");
  }
}));

test('a reconcile that failed at night shows in the morning', () => withOpenPage({
  prepare: () => sql(`insert into odoo.sync_runs (run_id, data_type, mode, triggered_by, status, started_at, finished_at, error_code, error_message)
    values ('0a0a0a0a-0000-4000-8000-000000000009', 'categories', 'reconcile', 'schedule', 'failed', now() - interval '1 minute', now(),
      'delete_guard', '60 of 120 rows of categories are gone')`),
}, async (page) => {
  try {
    const categories = card(page, 'categories');
    assert.match(await categories.locator('.state').textContent(), /^✓ Success$/);
    await categories.getByText(/^✗ The last reconcile \(.+\) failed: delete_guard: 60 of 120 rows of categories are gone$/).waitFor();
    assert.match(await page.locator('#overall').textContent(), /^3 of 6 data types in order · ✗ 1 failed · ✗ 1 not reconciled/);
  } finally {
    await sql("delete from odoo.sync_runs where run_id = '0a0a0a0a-0000-4000-8000-000000000009'");
  }
}));

/** Rows a second of the runs that are played below. */
const RATE = 500;
/** Changes the status so that the run of transfers has come as far as it would by now. */
const running = (page, change) => {
  const begun = Date.now();
  return changing(page, 'status$', ({ data }) => {
    const row = data.metadata.find((it) => it.data_type === 'transfers');
    change(row, 4000 + Math.round((RATE * (Date.now() - begun)) / 1000));
  });
};
/** Of a number in what the page says, that it is so within a quarter: a look takes its time. */
const isAbout = (found, wanted) => Math.abs(found - wanted) <= wanted / 4;
const number = (text) => Number(text.replaceAll(',', ''));

test('a run shows its bar, its rate and the time left', () => withOpenPage({
  prepare: (page) => running(page, (row, done) => { row.progress = { rows_done: done, rows_to_do: 60_000 - done }; }),
}, async (page) => {
  const transfers = card(page, 'transfers');
  assert.match(await transfers.locator('.state').textContent(), /▶ Running/);
  const words = () => transfers.locator('.progress p').textContent();
  const form = /^Full: ([\d,]+) of 60,000 rows · ([\d,.]+) rows a second · about (?:(\d+) min)? ?(?:(\d+) s)? left$/;
  await eventually('its rate and what is left', words, (text) => {
    const [, done, rate, minutes = '0', seconds = '0'] = form.exec(text) ?? [];
    return done && number(done) > 6000 && isAbout(number(rate), RATE)
      && isAbout(Number(minutes) * 60 + Number(seconds), (60_000 - number(done)) / RATE);
  });
  const bar = transfers.getByRole('progressbar');
  assert.equal(await bar.getAttribute('max'), '60000');
  assert.ok(Number(await bar.getAttribute('value')) >= 6000);
}));

test('a run of which only the stream at work is counted shows that one, and its rate', () => withOpenPage({
  prepare: (page) => running(page, (row, done) => {
    row.progress = { rows_done: done, rows_to_do: null };
    const ofStream = { transfers: { rows_done: done, rows_to_do: 60_000 - done }, stock_moves: { rows_done: 0, rows_to_do: null } };
    for (const stream of row.streams) Object.assign(stream, { window_done: false, ...ofStream[stream.stream] });
  }),
}, async (page) => {
  const transfers = card(page, 'transfers');
  const words = () => transfers.locator('.progress p').textContent();
  const form = /^Full: transfers ([\d,]+) of 60,000, then stock_moves · ([\d,.]+) rows a second · about .* left of transfers$/;
  await eventually('its rate', words, (text) => isAbout(number(form.exec(text)?.[2] ?? '0'), RATE));
  const bar = transfers.getByRole('progressbar');
  assert.equal(await bar.getAttribute('max'), '60000');
  assert.ok(Number(await bar.getAttribute('value')) >= 4000);
}));

test('a run whose rows are not counted yet says so, and its rate', () => withOpenPage({
  prepare: (page) => running(page, (row, done) => {
    row.progress = { rows_done: done, rows_to_do: null };
    for (const stream of row.streams) stream.rows_to_do = null;
  }),
}, async (page) => {
  const transfers = card(page, 'transfers');
  await transfers.getByText(/the rest is being counted · [\d,.]+ rows a second$/).waitFor();
  assert.equal(await transfers.getByRole('progressbar').getAttribute('value'), null);
}));
