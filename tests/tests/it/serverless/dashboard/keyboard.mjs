// Everything can be done without a mouse.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { now, runsSince } from './behind.mjs';
import { KEY, asking, card, eventually, loaded, withPage } from './browser.mjs';

const focused = (page) => page.evaluate(() => document.activeElement.textContent || document.activeElement.id);

/** Goes on with the tab key until the focus is on this button. */
async function tabTo(page, button) {
  for (let press = 0; press < 200; press += 1) {
    if (await button.evaluate((it) => it === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`the tab key does not lead to ${button}`);
}

test('key, action, confirmation and back, by keys alone', () => withPage({}, async (page) => {
  const begun = await now();
  const requests = asking(page);
  await page.keyboard.type(KEY);
  await page.keyboard.press('Enter');
  await loaded(page);
  const button = card(page, 'warehouses').getByRole('button', { name: 'Full' });
  await tabTo(page, button);
  await page.keyboard.press('Enter');
  assert.equal(await focused(page), 'Go back', 'what does nothing comes first');
  await page.keyboard.press('Escape');
  await eventually('it is closed', () => page.locator('dialog[open]').count(), (many) => many === 0);
  assert.ok(await button.evaluate((it) => it === document.activeElement), 'the focus is where it was');
  assert.equal(requests.length, 0);
  await page.keyboard.press('Enter');
  await tabTo(page, page.getByRole('button', { name: 'Read everything' }));
  await page.keyboard.press('Enter');
  await page.getByRole('log').getByText('Warehouses sync completed').waitFor();
  assert.deepEqual(requests, [{ path: '/api/sync/warehouses', body: '{"mode":"full"}' }]);
  const runs = await runsSince(begun, 'warehouses');
  assert.deepEqual(runs.map(({ mode, status }) => [mode, status]), [['full', 'success']]);
  assert.ok(await button.evaluate((it) => it === document.activeElement), 'and is there again');
}));

test('the first thing that the tab key reaches skips the rest', () => withPage({}, async (page) => {
  await page.keyboard.type(KEY);
  await page.keyboard.press('Enter');
  await loaded(page);
  await page.reload();
  await loaded(page);
  await page.keyboard.press('Tab');
  assert.match(await focused(page), /Skip to/);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.ok(await page.evaluate(() => document.querySelector('article').contains(document.activeElement)));
}));
