// A server that refuses, fails or is gone; a page that nobody looks at.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { card, changing, eventually, withOpenPage } from './browser.mjs';

const nothingRuns = ({ data }) => {
  data.status.transfers = 'success';
  Object.assign(data.metadata.find((it) => it.data_type === 'transfers'), { sync_status: 'success', progress: null });
};

/** How often the status is asked for in a time of the page's clock, second by second. */
async function countLooks(page, seconds) {
  const count = (request) => { looks += /\/status$/.test(request.url()) ? 1 : 0; };
  let looks = 0;
  page.on('request', count);
  for (let second = 0; second < seconds; second += 1) {
    await page.clock.runFor(1000);
    // What it has begun in that second ends in real time.
    await eventually('it has looked', () => page.evaluate(() => isLooking), (it) => !it);
  }
  page.off('request', count);
  return looks;
}

const API_GATEWAYS = { json: { message: 'Too Many Requests' } };
const OURS = { json: { success: false, error: { code: 'db_unreachable', message: 'Postgres does not answer.', remedy: 'Look at SUPABASE_DB_URL.' } } };

for (const [name, answer, words] of [
  ['429', (asked) => asked.fulfill({ status: 429, ...API_GATEWAYS }), /asked too often \(429\)/],
  ['503 of the function', (asked) => asked.fulfill({ status: 503, ...OURS }), /Postgres does not answer\. Look at SUPABASE_DB_URL\. \(db_unreachable\)/],
  ['502 with a page', (asked) => asked.fulfill({ status: 502, body: '<html>' }), /not available \(502\)/],
  ['no server', (asked) => asked.abort('connectionrefused'), /cannot be reached/],
]) {
  test(`it says so and asks again, with growing pauses: ${name}`, () => withOpenPage({ clock: true }, async (page) => {
    let tries = 0;
    await page.route(/\/status$/, (asked) => {
      tries += 1;
      return answer(asked);
    });
    const pauses = [];
    for (const seconds of [15, 4, 8, 16, 32, 60]) {
      await page.clock.runFor(seconds * 1000);
      await eventually('one more try', () => tries, (many) => many === pauses.length + 1);
      await eventually('it has looked', () => page.evaluate(() => isLooking), (it) => !it);
      pauses.push(await page.locator('#trouble-next').textContent());
    }
    await page.getByRole('alert').filter({ hasText: words }).waitFor();
    assert.match(await page.locator('#trouble-what').textContent(), /What is shown is older/);
    assert.deepEqual(pauses, ['4 s', '8 s', '16 s', '32 s', '1 min', '1 min'].map((it) => `The next try is in ${it}.`));
    await page.unroute(/\/status$/);
    await page.getByRole('button', { name: 'Try now' }).click();
    await page.clock.runFor(100);
    await page.getByText('The server answers again').waitFor();
    assert.equal(await page.locator('#trouble').isVisible(), false);
  }));
}

test('it looks every two seconds while something runs', () => withOpenPage({ clock: true }, async (page) => {
  const looks = await countLooks(page, 30);
  assert.ok(looks >= 10 && looks <= 16, `${looks}`);
}));

test('it looks every fifteen seconds while nothing runs', () => withOpenPage({
  clock: true, prepare: (page) => changing(page, 'status$', nothingRuns),
}, async (page) => {
  const looks = await countLooks(page, 60);
  assert.ok(looks >= 3 && looks <= 5, `${looks}`);
}));

test('it does not look while nobody sees it, and at once when somebody does', () => withOpenPage({
  clock: true,
  prepare: (page) => page.addInitScript(() => {
    Object.defineProperty(document, 'hidden', { get: () => window.isHidden === true });
  }),
}, async (page) => {
  const turn = (isHidden) => page.evaluate((it) => {
    window.isHidden = it;
    document.dispatchEvent(new Event('visibilitychange'));
  }, isHidden);
  await turn(true);
  assert.equal(await countLooks(page, 60), 0);
  const looked = page.waitForRequest(/\/status$/);
  await turn(false);
  await page.clock.runFor(100);
  await looked;
}));

test('what somebody has opened stays open, and its focus, when new data come', () => withOpenPage({ clock: true }, async (page) => {
  const summary = card(page, 'products').getByText('Runs as a table');
  await summary.click();
  await countLooks(page, 10);
  assert.ok(await summary.evaluate((it) => it === document.activeElement && it.parentElement.open));
}));
